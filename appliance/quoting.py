"""A value as a configuration file writes it: one function a format. What its format cannot hold is refused.

Whoever brings a line break into a configuration adds lines of their own to it, and some of these are programs
to run. So no format gets a control character, neither from what an administrator typed nor from what root
wrote into box.toml; `templates.render` asks for that of every value by itself.
"""

from __future__ import annotations

import json
import re
import shlex

# Line and paragraph separators end a line for some readers; half a surrogate pair cannot be encoded at all.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# But for tabs and the ends of lines.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PEM_BREAKS = re.compile("[\r\n]")
# What is a word in every format.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@+,=-]+")


class Unwritable(ValueError):
    """A value that a configuration cannot hold; the text tells what is wrong with it."""


def control_in(text: str, *, has_lines: bool = False) -> str:
    """The first control character; empty where there is none. A text that `has_lines` may break them."""
    found = _CONTROL.search(_PEM_BREAKS.sub("", text) if has_lines else text)
    return found.group() if found else ""


def on_terminal(text: str) -> str:
    """A text as root's terminal shows it, which obeys control characters: these are spelt.

    A service that was taken over chooses what its errors say, and a stranger what stands in a log.
    """
    # As JSON has them, which may be what is shown.
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line[T](value: T, what: str = "A value of a configuration") -> T:
    """The value itself, whatever it is, where its text is one line. `what` it is is told, for it may be a
    secret."""
    if control := control_in(str(value)):
        raise Unwritable(f"{what} has a control character ({control!r}): write it on one line, without any.")
    return value


def trimmed(value: object, what: str = "A value of a configuration") -> str:
    """For formats that quote nothing, and cut off spaces at both ends: pgBackRest's."""
    text = str(one_line(value, what))
    if not text or text != text.strip():
        raise Unwritable(f"{what} begins or ends with a space, or is empty: write it without.")
    return text


def toml(value: object) -> str:
    """A basic string of TOML: a JSON string, but for the control characters that JSON leaves bare."""
    written = json.dumps(str(value), ensure_ascii=False)
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", written)


def postgresql(value: object) -> str:
    """A string of postgresql.conf ("Setting Parameters", 19.1.2), which knows backslashes too."""
    return "'" + str(one_line(value)).replace("\\", "\\\\").replace("'", "''") + "'"


def haproxy(value: object) -> str:
    """A word of haproxy.cfg (configuration manual, 2.2): quoted as in a shell, but with brackets plain."""
    text = str(one_line(value))
    return text if re.fullmatch(r"[A-Za-z0-9_./:@+,=\[\]*-]+", text) else shlex.quote(text)


def shell(value: object) -> str:
    return shlex.quote(str(one_line(value)))


def unit_word(value: object) -> str:
    """A word of a systemd unit, where several may stand: systemd.syntax(7), "Quoting"."""
    plain = str(one_line(value)).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{plain}"'


def unit_command_word(value: object) -> str:
    """The same on a command's line, where variables are expanded also between quotes."""
    return unit_word(value).replace("$", "$$")


def unit_line(value: object) -> str:
    """The whole of a systemd unit's line, which is not split into words and knows no quotes."""
    text = trimmed(value)
    if text.endswith("\\"):
        raise Unwritable(f"{text!r} would go on in the next line: write it without the backslash at its end.")
    return text.replace("%", "%%")


def tmpfiles(value: object) -> str:
    """A path of tmpfiles.d(5)."""
    text = str(one_line(value))
    return text if _PLAIN.fullmatch(text) else unit_word(text)


def supervisord(value: object) -> str:
    """A value of supervisord.conf, which has neither a way to write a quote nor one to write a comment's
    beginning."""
    text = str(one_line(value))
    if '"' in text or re.search(r"\s[;#]", text):
        raise Unwritable(f"supervisord cannot be given {text!r}: no quotes in paths and names, please.")
    return text.replace("%", "%%")
