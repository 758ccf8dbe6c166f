"""What is an emoji: one picture that people see, of however many code points."""

from __future__ import annotations

import re

_PICTURE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f004\U0001f0cf\U0001f170-\U0001f251\U0001f300-\U0001faff]"
)
# With its variant, skin tone, or the tags of a region's flag.
_WHOLE = rf"{_PICTURE}\ufe0f?[\U0001f3fb-\U0001f3ff]?\ufe0f?(?:[\U000e0020-\U000e007e]{{2,6}}\U000e007f)?"
_EMOJI = re.compile(
    rf"(?:[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_WHOLE}(?:\u200d{_WHOLE}){{0,4}})"
)


def is_emoji(text: str) -> bool:
    """Whether it is one emoji and nothing else: see Unicode's technical standard 51."""
    return _EMOJI.fullmatch(text) is not None
