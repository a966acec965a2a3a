"""Evidence in files: as JSON, to be kept, sent to somebody else, and judged again without a network.

``to_json`` and ``from_json`` are the document of one target (schema ``danelaw/evidence/1``); ``to_line`` and
``from_text`` are its text, one document a line.
"""

from danelaw.core.verdict.saved.reading import LONGEST, from_json, from_text
from danelaw.core.verdict.saved.writing import SCHEMA, to_json, to_line

__all__ = ["LONGEST", "SCHEMA", "from_json", "from_text", "to_json", "to_line"]
