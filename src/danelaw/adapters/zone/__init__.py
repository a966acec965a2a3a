"""Zones kept in files: reading and editing the operator's master file, key directories, signed output, reloads.

``entries`` splits a master file without losing where things stand; ``master_file`` gives it meaning; ``edit`` changes
the serial and Danelaw's own block and nothing else; ``key_directory`` holds BIND key files; ``file_zones`` puts them
together behind the ``Zones`` port.
"""
