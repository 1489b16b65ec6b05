"""What a PDF says of itself that its pages do not show: attachments, encrypted parts, XFA forms."""

from __future__ import annotations

import mmap

import pypdfium2 as pdfium
from pypdfium2 import raw

from doctr_serve.decoder.notices import (
    ATTACHMENTS_NOT_READ,
    ENCRYPTED_PART_NOT_READ,
    FORM_NOT_SHOWN,
    PAGE_REDUCED,
    Notice,
)
from doctr_serve.decoder.pdf_names import mentions
from doctr_serve.decoder.pdf_scale import Scale

__all__ = ["document_notices", "page_notices"]

# What scanners are set to for OCR: whoever gets this much, or more, has lost nothing.
ENOUGH_DPI = 300
# Annotations looked at for files that hang on them; a page of a commented contract has some dozens.
MAX_ANNOTATIONS = 500
# ISO 32000-2, 7.6.7: a cover page in the clear around an encrypted document, as rights management writes it.
ENCRYPTED_PAYLOAD = b"/EncryptedPayload"
# ISO 32000-1, table 25: what it encrypts asks for its password when an embedded file is opened, not with the document.
ASKS_WITH_ATTACHMENTS = b"/EFOpen"

XFA_PLACEHOLDER = (
    "the PDF is an XFA form, which only Adobe's readers show; what was read is the page that stands in for it"
)
COVER_PAGE = (
    "the PDF is the cover of an encrypted document, which it carries as an attachment and which was not read; send "
    "that document by itself, with its password as pdf_password"
)
ENCRYPTED_ATTACHMENTS = (
    "the files attached to the PDF are encrypted with a password of their own; save them with it and send them as "
    "documents of their own"
)


def document_notices(document: pdfium.PdfDocument, content: mmap.mmap) -> tuple[Notice, ...]:
    """Returns what a caller should know of the document as a whole.

    Args:
        document: opened.
        content: its file.
    """
    notices = []
    attachments = document.count_attachments()
    if attachments > 0:
        notices.append(_attachments("the PDF carries", attachments))
        if mentions(content, ENCRYPTED_PAYLOAD):
            notices.append(Notice(ENCRYPTED_PART_NOT_READ, COVER_PAGE))
        elif mentions(content, ASKS_WITH_ATTACHMENTS):
            notices.append(Notice(ENCRYPTED_PART_NOT_READ, ENCRYPTED_ATTACHMENTS))
    if document.get_formtype() == raw.FORMTYPE_XFA_FULL:
        notices.append(Notice(FORM_NOT_SHOWN, XFA_PLACEHOLDER))
    return tuple(notices)


def page_notices(document: pdfium.PdfDocument, page: pdfium.PdfPage, scale: Scale) -> tuple[Notice, ...]:
    """Returns what a caller should know of a page beside how its text was drawn.

    Args:
        document: the page's.
        page: loaded.
        scale: at which it is drawn.
    """
    attachments = _attachments_on(page)
    attached = (_attachments("on the page hang", attachments),) if attachments else ()
    return (*_placeholder(document, page), *_reduced(scale), *attached)


def _attachments(where: str, count: int) -> Notice:
    files = "1 attached file, which was" if count == 1 else f"{count} attached files, which were"
    return Notice(ATTACHMENTS_NOT_READ, f"{where} {files} not read; send them as documents of their own")


def _attachments_on(page: pdfium.PdfPage) -> int:
    """Files that hang on annotations, as a paperclip shows them: the document's list of attachments has not all."""
    count = 0
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), MAX_ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if annotation:
            count += raw.FPDFAnnot_GetSubtype(annotation) == raw.FPDF_ANNOT_FILEATTACHMENT
            raw.FPDFPage_CloseAnnot(annotation)
    return count


def _placeholder(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> tuple[Notice, ...]:
    """The notice of an XFA form that does not call itself dynamic, and yet has no field on the page."""
    if document.get_formtype() != raw.FORMTYPE_XFA_FOREGROUND or raw.FPDFPage_GetAnnotCount(page) > 0:
        return ()
    return (Notice(FORM_NOT_SHOWN, XFA_PLACEHOLDER),)


def _reduced(scale: Scale) -> tuple[Notice, ...]:
    if scale.value >= scale.wanted or scale.dpi >= ENOUGH_DPI:
        return ()
    consequence = "its picture has no finer detail" if scale.is_scans_own else "small print may be lost"
    message = (
        f"the page was rendered at {scale.dpi:.0f} dpi instead of {scale.wanted_dpi:.0f}, because it would have more "
        f"pixels than this server decodes; {consequence}"
    )
    return (Notice(PAGE_REDUCED, message),)
