from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import pikepdf
import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import DecoderPool, DocumentLimits, SourceDocument
from doctr_serve.errors import (
    DecoderCrashedError,
    DecoderTimeoutError,
    InvalidOptionError,
    NoDocumentsError,
    PageTooLargeError,
    RequestTooLargeError,
    UnreadableDocumentError,
    UnsupportedDocumentError,
)
from doctr_serve.settings import Settings
from PIL import Image
from support.samples import add_page, encoded, letter_pdf, letter_tiff, saved

PICTURE = encoded(Image.new("RGB", (30, 20), "red"), "PNG")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(side: int = 50_000) -> bytes:
    """A valid PNG of ``side`` x ``side`` white pixels in a few kilobytes for each 10 MB."""
    compressor = zlib.compressobj(9)
    row = b"\0" + b"\xff" * (side // 8)
    data = b"".join(compressor.compress(row * 500) for _ in range(side // 500)) + compressor.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    )


def jpeg_bomb() -> bytes:
    content = bytearray(encoded(Image.new("RGB", (16, 16)), "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(content)


def webp_bomb() -> bytes:
    """An animation whose canvas is as large as can be: Pillow would allocate 2 GB to open it."""
    canvas = (16_383).to_bytes(3, "little")
    frame = encoded(Image.new("RGB", (16, 16)), "WEBP")[12:]
    chunks = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas + canvas
    chunks += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    chunks += b"ANMF" + struct.pack("<I", 16 + len(frame)) + bytes(6) + b"\x0f\0\0\x0f\0\0" + bytes(4) + frame
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def tiff_bomb() -> bytes:
    tags = [(256, 4, 1, 100_000), (257, 4, 1, 100_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 100_000), (279, 4, 1, 100)]
    return (
        b"II*\0"
        + struct.pack("<IH", 8, len(tags))
        + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        + bytes(4)
    )


def gif_bomb() -> bytes:
    content = bytearray(encoded(Image.new("P", (16, 16)), "GIF"))
    content[6:10] = struct.pack("<HH", 65_535, 65_535)
    return bytes(content)


def bmp_bomb() -> bytes:
    content = bytearray(encoded(Image.new("RGB", (16, 16)), "BMP"))
    content[18:26] = struct.pack("<ii", 40_000, 40_000)
    return bytes(content)


BOMBS = {
    "png 50,000 x 50,000": (png_bomb(), 1),
    "jpeg 65,500 x 65,500": (jpeg_bomb(), 1),
    "webp 16,384 x 16,384": (webp_bomb(), 1),
    "tiff 100,000 x 100,000": (tiff_bomb(), 1),
    "gif 65,535 x 65,535": (gif_bomb(), 1),
    "bmp 40,000 x 40,000": (bmp_bomb(), 1),
}


def peak_memory_kib(process_id: int | str) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_from_its_header_and_costs_nothing(make_pool, kind: str) -> None:
    content, page_number = BOMBS[kind]
    pool = make_pool()
    with pool.open(
        [SourceDocument("small", PICTURE), SourceDocument("b", letter_pdf().content)], interrupt=Interrupt()
    ):
        pass
    (process_id,) = pool.idle_process_ids()
    memory_before = peak_memory_kib(process_id)
    started = time.monotonic()
    with pytest.raises(PageTooLargeError, match=r"pixels is more than the 50000000") as caught:
        pool.open([SourceDocument("bomb", content)], interrupt=Interrupt())
    assert time.monotonic() - started < 1
    assert pool.idle_process_ids() == [process_id], "the decoder survived"
    assert peak_memory_kib(process_id) - memory_before < 8 * 1024
    assert (caught.value.document_name, caught.value.page_number) == ("bomb", page_number)


def test_a_page_at_the_limit_is_read_and_one_pixel_more_is_not(make_pool, read) -> None:
    pool = make_pool(max_page_pixels=600)
    assert read(PICTURE, through=pool)[0].error is None
    with pytest.raises(PageTooLargeError, match="21 x 29"):
        read(encoded(Image.new("RGB", (21, 29)), "PNG"), through=pool)


def test_a_picture_bomb_inside_a_small_pdf_page_stays_in_the_decoder(make_pool, read) -> None:
    document = pikepdf.new()
    page = add_page(document, b"q 100 0 0 100 0 0 cm /I Do Q", (100, 100))
    side = 40_000
    raw = zlib.compress(zlib.compress(bytes(side * side // 100)))
    picture = document.make_stream(b"")
    picture.write(raw, filter=[pikepdf.Name.FlateDecode] * 2)
    picture.stream_dict.update(
        pikepdf.Dictionary(
            Subtype=pikepdf.Name.Image,
            Width=side,
            Height=side,
            BitsPerComponent=8,
            ColorSpace=pikepdf.Name.DeviceRGB,
        )
    )
    page.obj.Resources.XObject = pikepdf.Dictionary(I=picture)
    pool = make_pool(
        decoder_memory_bytes=400 * 2**20,
        page_decode_timeout_s=2,
        max_page_pixels=400_000_000,
        max_scan_pixels=1_000_000,
    )
    pool.warm()
    content = saved(document)
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): sets VmHWM to what is resident now
    memory_before = peak_memory_kib("self")
    (result,) = read(content, through=pool)
    assert result.error is None or isinstance(result.error, DecoderCrashedError | DecoderTimeoutError)
    assert peak_memory_kib("self") - memory_before < 20 * 1024
    assert read(PICTURE, through=pool)[0].error is None


def test_no_document_is_an_error_of_the_request(pool: DecoderPool) -> None:
    with pytest.raises(NoDocumentsError) as caught:
        pool.open([], interrupt=Interrupt())
    assert caught.value.field == "documents"


def test_too_many_documents_name_the_limit(make_pool) -> None:
    pool = make_pool(max_documents=2)
    with pytest.raises(RequestTooLargeError, match=r"more than 2 documents") as caught:
        pool.open([SourceDocument("a", PICTURE)] * 3, interrupt=Interrupt())
    assert caught.value.field == "documents"


@pytest.mark.parametrize("contents", [[letter_pdf(pages=4).content], [letter_pdf(pages=2).content] * 2])
def test_too_many_pages_name_the_limit_and_the_option_that_helps(make_pool, contents: list[bytes]) -> None:
    pool = make_pool(max_pages=3)
    with pytest.raises(RequestTooLargeError, match=r"more than 3 pages.*select fewer with pages") as caught:
        pool.open([SourceDocument("a", content) for content in contents], interrupt=Interrupt())
    assert caught.value.field == "pages"


def test_only_selected_pages_count(make_pool, read) -> None:
    assert len(read(letter_pdf(pages=9).content, pages="2-4", through=make_pool(max_pages=3))) == 3


def test_a_million_claimed_pages_are_refused_before_they_are_looked_at(make_pool) -> None:
    # The shifted offsets make PDFium rebuild its table of objects, as it does for a damaged file.
    content = letter_pdf().content.replace(b"/Count 1", b"/Count 1000000")
    started = time.monotonic()
    with pytest.raises(RequestTooLargeError):
        make_pool().open([SourceDocument("a", content)], interrupt=Interrupt())
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("content", [letter_pdf(pages=3).content, letter_tiff(pages=3, width=310).content])
def test_a_selection_beyond_the_last_page_names_the_document(pool: DecoderPool, content: bytes) -> None:
    with pytest.raises(InvalidOptionError, match=r"'4-' selects nothing of 'b', which has 3 pages") as caught:
        pool.open([SourceDocument("b", content)], pages="4-", interrupt=Interrupt())
    assert caught.value.field == "pages"


@pytest.mark.parametrize("content", [letter_pdf(pages=3).content, letter_tiff(pages=3, width=310).content])
def test_a_selection_beyond_the_last_page_of_one_document_leaves_the_others(read, content: bytes) -> None:
    picture, nothing = read(PICTURE, content, pages="4-")
    assert picture.image is not None
    assert (nothing.reference.document_name, nothing.reference.page_number) == ("file-2", 0)
    assert isinstance(nothing.error, InvalidOptionError)


def test_a_malformed_selection_is_refused_before_any_document_is_opened(pool: DecoderPool) -> None:
    with pytest.raises(InvalidOptionError):
        pool.open([SourceDocument("a", b"nonsense")], pages="x", interrupt=Interrupt())


@pytest.mark.parametrize(
    ("content", "looks_like"),
    [
        (b"hello world", ""),
        (b"\0" * 5000, ""),
        (b"\0\0\0\x0cjP  \r\n" + bytes(20), "it looks like JPEG 2000"),
        (b"\xff\x4f\xff\x51" + bytes(20), "it looks like JPEG 2000"),
        (b"\xff\x0a" + bytes(20), "it looks like JPEG XL"),
        (b"\0\0\0\x1cftypavif" + bytes(20), "it looks like HEIC or AVIF"),
        (b"\0\0\0\x1cftypmif1" + bytes(20), "it looks like HEIC or AVIF"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "it looks like HEIC or AVIF"),
        (b"PK\x03\x04" + bytes(20), "it looks like a ZIP archive or an Office document"),
        (b"<!DOCTYPE html><html>", "it looks like HTML, SVG or XML"),
        (b"GIF89a" + bytes(20), "it looks like a GIF without a size"),
        (b"BM" + bytes(60), "it looks like a BMP of an unknown version"),
    ],
)
def test_an_unsupported_file_names_what_is_accepted(
    pool: DecoderPool, content: bytes, looks_like: str
) -> None:
    with pytest.raises(
        UnsupportedDocumentError, match="accepted are JPEG, PNG, PDF, TIFF, WebP, GIF and BMP"
    ) as caught:
        pool.open([SourceDocument("letter.pdf", content)], interrupt=Interrupt())
    assert looks_like in caught.value.message
    assert "'letter.pdf'" in caught.value.message


def test_the_format_is_told_by_content_not_by_name(read) -> None:
    pages = read(SourceDocument("a.png", letter_pdf().content), SourceDocument("b.pdf", PICTURE))
    assert [page.image.shape for page in pages] == [(1684, 1190, 3), (20, 30, 3)]


def test_an_empty_file_is_unreadable(pool: DecoderPool) -> None:
    with pytest.raises(UnreadableDocumentError, match=r"'a': the file is empty"):
        pool.open([SourceDocument("a", b"")], interrupt=Interrupt())


def test_one_bad_document_among_good_ones_is_an_entry_and_costs_nothing_else(read) -> None:
    first, bad, last = read(PICTURE, PICTURE[:20], PICTURE)
    assert first.image is not None
    assert last.image is not None
    assert isinstance(bad.error, UnreadableDocumentError)
    assert "'file-2'" in str(bad.error)
    assert (bad.reference.page_number, bad.reference.page_count, bad.image) == (0, 0, None)


@pytest.mark.parametrize("good", [0, 1, 2])
def test_a_document_that_fails_leaves_those_before_and_after_it(read, good: int) -> None:
    contents = [b"text", PICTURE[:20], b""]
    contents[good] = letter_pdf(pages=3).content
    pages = read(*contents)
    assert [page.error is None for page in pages] == [
        is_good for index in range(3) for is_good in ([True] * 3 if index == good else [False])
    ]


def test_limits_come_from_the_settings() -> None:
    limits = DocumentLimits.from_settings(Settings(max_documents=3, max_pages=4, max_page_pixels=5))
    assert (limits.max_documents, limits.max_pages, limits.max_page_pixels) == (3, 4, 5)
    assert limits.decoder_memory_bytes == Settings().decoder_memory_bytes
    assert limits.page_decode_timeout_s == Settings().page_decode_timeout_s
