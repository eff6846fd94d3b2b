"""The door to Starterkit: `python build.py --help`."""

from starterkit.cli import main

if __name__ == "__main__":
    main()
