"""``python -m sutja``."""

from sutja.cli import main

if __name__ == "__main__":
    main()
