"""
One script from the modules of the page. A browser that has to request each module from a server far
away needs many round trips before the page can be used.

The modules stay the source: there is no build step, and they are served too. Each module becomes a
function that returns its exports, and its name becomes a number. Only the forms of C{import} and
C{export} that the page uses are known: named imports from a neighbouring module, and exported
declarations or lists. A module that is loaded with C{await import(...)} is not included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";\n', re.MULTILINE)
_DECLARATION = re.compile(r"^export ((?:async )?function\*?|class|const|let) (\w+)", re.MULTILINE)
_LIST = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)

#: Casts within lines.
_CAST = re.compile(r"/\*\* @type \{(?:(?!\*/).)*\*/ ?")

#: The modules have no strings of several lines.
_INDENTATION = re.compile(r"^\s+", re.MULTILINE)

#: Comments that begin a line.
_COMMENT = re.compile(
    r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*\n", re.MULTILINE | re.DOTALL
)

#: Comments at the end of a line. A quotation mark may end a string instead.
_TRAILING = re.compile(r"(?<=[;{},]) // [^\n\"'`]*$", re.MULTILINE)

#: Line breaks that are not needed, because of the sign before them. A line with two slashes may end
#: with a comment, which needs its line break.
_BREAK = re.compile(r"^((?:(?!//)[^\n])*[;{,([=>:&|])\n", re.MULTILINE)

#: The declaration of a private member, at the beginning of a line, and its uses.
_BEFORE = r"^(?:(?:static|async|get|set) )*\*?"
_MEMBER = re.compile(rf"{_BEFORE}#(\w+)", re.MULTILINE)
_USE = re.compile(rf"({_BEFORE}|\.)#(\w+)", re.MULTILINE)

#: Line breaks that are not needed, because of the sign after them. Before a closing bracket, the
#: last comma of a list and the semicolon of the last statement are not needed either.
_NEXT = re.compile(r"^((?:(?!//)[^\n])*?)(?:[;,]?\n(?=[]})])|\n(?=[.?:&|]))", re.MULTILINE)

#: Strings, and templates without templates in them.
_STRING = (
    r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'"""
    r"""|`(?:[^`\\\n$]|\\.|\$(?!\{)|\$\{[^`{}\n]*\})*`)"""
)

#: Lines without comments and regular expressions, except in strings.
_PLAIN = re.compile(rf"""^(?:[^/`'"\n]|{_STRING})*$""", re.MULTILINE)

#: Operators and punctuation that need no spaces around them.
_SPACED = re.compile(r" ?(=>|[!=]==|\?\?=?|&&|\|\||[-+*]=|[=?:,;<>{}()]) ?")


def bundle(folder: Path, first: str) -> bytes:
    """
    @param folder: the folder of the modules
    @param first: the name of the module that imports all others, directly or indirectly
    @return: a module that does the same as the first one, and imports nothing
    @raise ValueError: a module has another form of C{import} or C{export}, or imports itself
    """
    return "".join(_ordered(folder, first, {})).encode()


def withoutComments(text: str) -> str:
    """
    @param text: a script
    @return: the same without comments, indentation and empty lines
    """
    return _INDENTATION.sub("", _TRAILING.sub("", _CAST.sub("", _COMMENT.sub("", text))))


def _ordered(folder: Path, name: str, done: dict[str, bool]) -> Iterator[str]:
    """
    @param done: the modules that are included, or C{False} for those that are being included
    @return: the modules that a module needs, and the module itself
    """
    if name in done:
        if not done[name]:
            raise ValueError(f"{name}.js imports itself, directly or indirectly")
        return
    done[name] = False
    text = (folder / f"{name}.js").read_text("utf-8")
    for match in _IMPORT.finditer(text):
        yield from _ordered(folder, match[2], done)
    done[name] = True
    yield _wrapped(name, text, list(done))


def _wrapped(name: str, text: str, known: list[str]) -> str:
    """
    @param known: the names of the module and of those that it imports
    @return: a constant with the exports of a module
    """
    text = _shortened(withoutComments(text))
    exports = [match[2] for match in _DECLARATION.finditer(text)]
    for match in _LIST.finditer(text):
        exports += [each.strip() for each in match[1].split(",") if each.strip()]
    text = _DECLARATION.sub(r"\1 \2", _LIST.sub("", text))
    text = _IMPORT.sub(lambda match: _assigned(match[1], known.index(match[2])), text)
    other = _OTHER.search(text)
    if other is not None:
        raise ValueError(f"{name}.js has an unknown form: {other[0]}")
    text = _BREAK.sub(r"\1", _PLAIN.sub(_withoutSpaces, _NEXT.sub(r"\1", text)))
    begin = "await(async()=>" if "await import(" in text else "(()=>"
    return f"const ${known.index(name)}={begin}{{{text}return{{{','.join(exports)}}};}})();"


def _shortened(text: str) -> str:
    """
    @return: a module with short names of the private members of its classes
    """
    members = dict.fromkeys(_MEMBER.findall(text))
    short = {
        name: f"{chr(97 + count % 26)}{count // 26 or ''}" for count, name in enumerate(members)
    }
    return _USE.sub(lambda match: f"{match[1]}#{short.get(match[2], match[2])}", text)


def _withoutSpaces(line: re.Match[str]) -> str:
    parts = re.split(_STRING, line[0])
    parts[::2] = [_SPACED.sub(r"\1", code) for code in parts[::2]]
    return "".join(parts)


def _assigned(names: str, number: int) -> str:
    return f"const {{{names.replace(' as ', ': ')}}} = ${number};\n"
