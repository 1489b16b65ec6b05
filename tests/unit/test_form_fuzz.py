"""Forms at random: any chunking, any name, any garbage."""

from __future__ import annotations

import contextlib
from urllib.parse import quote

from doctr_serve.errors import InvalidRequestError, RequestTooLargeError
from hypothesis import given, settings
from hypothesis import strategies as st
from support.forms import BOUNDARY, body, content_of, file_part, part, read, reader

# What a boundary parser gets wrong: pieces of the delimiter inside the content.
TRICKY = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"-", b"--", BOUNDARY.encode()[:-1], b"\r\n--" + BOUNDARY.encode()[:-3]]
    )
    | st.binary(max_size=40)
).map(b"".join)
CONTENT = TRICKY.filter(lambda content: b"--" + BOUNDARY.encode() not in content)
CUTS = st.lists(st.integers(1, 60), min_size=1)


def chunks(whole: bytes, cuts: list[int]):
    position = 0
    for index in range(len(whole)):
        if position >= len(whole):
            return
        cut = cuts[index % len(cuts)]
        yield whole[position : position + cut]
        position += cut


PREAMBLE = st.just(b"") | TRICKY.filter(lambda text: b"--" + BOUNDARY.encode() not in text).map(
    lambda t: t + b"\r\n"
)


@settings(deadline=None, max_examples=300)
@given(
    contents=st.lists(CONTENT, min_size=1, max_size=3),
    cuts=CUTS,
    memory=st.sampled_from([0, 10, 10_000]),
    preamble=PREAMBLE,
)
def test_any_chunking_gives_the_documents_that_were_sent(contents, cuts, memory, preamble):
    whole = preamble + body(*(file_part(f"{n}.png", content) for n, content in enumerate(contents)))
    with reader(spool_memory_bytes=memory) as form:
        for chunk in chunks(whole, cuts):
            form.feed(chunk)
        received = [(d.name, content_of(d.content)) for d in form.finish()]
    assert received == [(f"{n}.png", content) for n, content in enumerate(contents)]


FRAGMENT = st.sampled_from(
    [
        b"--" + BOUNDARY.encode(),
        b"--" + BOUNDARY.encode() + b"\r\n",
        b"--" + BOUNDARY.encode() + b"--",
        b"\r\n",
        b"\r\n\r\n",
        b'Content-Disposition: form-data; name="files"; filename="a"',
        b"Content-Disposition: form-data; name=pdf_password\r\n\r\n",
        b"Content-Disposition: form-data; name*0=a; name*=b; filename*0*=x; filename*=utf-8''%",
        b"Content-Disposition: form-data; name=files; filename*=\"utf-8''%41\"\r\n\r\n",
        b'Content-Disposition: form-data; name=files; filename*0="a"; filename*1*=%42; filename*99=\xff',
        b"Content-Disposition: form-data; name=pdf_password\r\n\r\nsecret\n",
        b"--" + BOUNDARY.encode() + b"\n",
        b"--" + BOUNDARY.encode() + b" \t",
        b"This is a multi-part message in MIME format.\r\n",
        b"\n",
        b"\x1f\x8b",
        b"x" * 5000,
        b"Content-Type: ",
        b":",
        b'"',
        b";",
    ]
) | st.binary(max_size=30)


@settings(deadline=None, max_examples=500)
@given(whole=st.lists(FRAGMENT, max_size=20).map(b"".join), cuts=CUTS)
def test_garbage_raises_nothing_but_our_own_errors(whole, cuts):
    expected = contextlib.suppress(InvalidRequestError, RequestTooLargeError)
    with expected, reader(spool_memory_bytes=10) as form:
        for chunk in chunks(whole, cuts):
            form.feed(chunk)
        form.finish()


NAME = st.text(st.characters(exclude_characters='/\\"%', exclude_categories=["C"]), min_size=1, max_size=255)


@settings(deadline=None)
@given(name=NAME, at=st.integers(0, 255), encoded=st.booleans(), quoted=st.booleans())
def test_any_name_arrives_in_every_way_to_write_it(name, at, encoded, quoted):
    whole, first, rest = (quote(text, safe="") for text in (name, name[:at], name[at:]))
    for disposition in (
        f'filename="{name}"',
        f"filename*=\"utf-8''{whole}\"" if quoted else f"filename*=utf-8''{whole}",
        f"filename*0*=utf-8''{first}; " + (f"filename*1*={rest}" if encoded else f'filename*1="{name[at:]}"'),
    ):
        assert read(body(part(f'name="files"; {disposition}', b"x"))) == [(name, b"x", "")]


@settings(deadline=None)
@given(content_type=st.text(max_size=80) | st.text(max_size=80).map("multipart/form-data; boundary=".__add__))
def test_any_content_type_is_accepted_or_refused_with_our_own_error(content_type):
    with contextlib.suppress(InvalidRequestError):
        reader(content_type)
