"""``python -m tarragon.faces.cli`` is the ``tarragon`` command."""

from tarragon.faces.cli.main import main

if __name__ == "__main__":
    main()
