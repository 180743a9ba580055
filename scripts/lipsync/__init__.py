"""The parts of ``scripts/train_lipsync.py``: speech with known phonemes, mouth targets, training and scores."""
