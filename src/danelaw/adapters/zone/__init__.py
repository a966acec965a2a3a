"""Zones kept in files: reading and editing the operator's master file, key directories, signed output, reloads.

``entries`` splits a master file without losing where things stand; ``reader`` gives its entries meaning, with the help
of ``names``, ``fields``, ``rdata_text`` and ``generate``; ``zone_rules`` says what the records must be together, and
``faults`` tells where they are not; ``master_file`` is the whole. ``edit`` changes the serial, Danelaw's own block and
single records, and nothing else; ``key_directory`` holds BIND key files. ``signer`` makes the served
file, of which ``state`` remembers that it was proved; ``differences`` are those between it and the source; ``disk``
puts files in place whole. ``file_zones`` is all of them behind the ``Zones`` port.
"""
