"""A program as an operator may write one: it keeps a zone in a JSON file, and changes it by compare-and-swap.

    publishing_program.py FILE < REQUEST

It stands on what docs/how-to/publishers.md says, and on nothing else.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def answer(request: dict[str, Any], zone: dict[str, Any]) -> dict[str, Any]:
    assert request["schema"] == "danelaw/publish/1"
    rrsets = zone["rrsets"]
    key = f"{request['name']} {request['type']}"
    ttl, records = rrsets.get(key, (0, []))
    if request["action"] == "read":
        found = {"records": records, "ttl": ttl, "serial": zone["serial"]}
        if alias := rrsets.get(f"{request['name']} CNAME"):
            found |= {"ttl": alias[0], "alias": alias[1][0]}
        return found
    if sorted(records) != sorted(request["expect"]):
        return {"done": False}
    rrsets.pop(key, None)
    if request["records"]:
        rrsets[key] = request["ttl"], request["records"]
    zone["serial"] += 1
    return {"done": True}


def main() -> None:
    file = Path(sys.argv[1])
    zone = json.loads(file.read_text())
    print(json.dumps(answer(json.load(sys.stdin), zone)))
    file.write_text(json.dumps(zone))


if __name__ == "__main__":
    main()
