"""The bundled portraits as drawings; ``scripts/draw_portraits.py`` turns them into files."""
