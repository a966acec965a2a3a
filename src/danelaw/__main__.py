"""``python -m danelaw``."""

from danelaw.faces.cli import main

if __name__ == "__main__":
    main()
