"""The words of a PDF as Chromium prints it: enough of the format to read them back, and no more."""

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\s(.*?)endobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*)\r?\nendstream", re.DOTALL)
_FONT = re.compile(rb"/(F\d+) (\d+) 0 R")
_SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)>\s*Tj|(BT)")


def pages_and_words(raw):
    """Return the number of pages and all text, blocks apart by line ends."""
    objects = {int(number): body for number, body in _OBJECT.findall(raw)}
    streams = {number: text for number, body in objects.items() if (text := _unpacked(body)) is not None}
    fonts = {}
    for name, number in _FONT.findall(raw):
        unicode = re.search(rb"/ToUnicode (\d+) 0 R", objects[int(number)])
        fonts[name] = _letters(streams[int(unicode[1])]) if unicode else {}
    n_pages = sum(re.search(rb"/Type\s*/Page\b", body) is not None for body in objects.values())
    return n_pages, "".join(_words(text, fonts) for text in streams.values() if b" Tf" in text)


def _unpacked(body):
    found = _STREAM.search(body)
    if found is None:
        return None
    try:
        return zlib.decompress(found[1])
    except zlib.error:
        return b""


def _letters(cmap):
    letters = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for glyph, code in re.findall(rb"<(\w+)>\s*<(\w+)>", block):
            letters[int(glyph, 16)] = bytes.fromhex(code.decode()).decode("utf-16-be")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for first, last, code in re.findall(rb"<(\w+)>\s*<(\w+)>\s*<(\w+)>", block):
            for k in range(int(last, 16) - int(first, 16) + 1):
                letters[int(first, 16) + k] = chr(int(code, 16) + k)
    return letters


def _words(content, fonts):
    parts, letters = [], {}
    for font, glyphs, block in _SHOWN.findall(content):
        if font:
            letters = fonts.get(font, {})
        elif block:
            parts.append("\n")
        else:
            parts += [letters.get(int(glyphs[k : k + 4], 16), "?") for k in range(0, len(glyphs), 4)]
    return "".join(parts)
