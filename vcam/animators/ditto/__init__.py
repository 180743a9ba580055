"""The ``ditto`` animator: the Ditto talking-head diffusion model (arXiv 2411.19509), online and offline.

One file a part, in the order of the data:

    checkpoint ─ source ─ face ─ registration ─ avatar          once for each portrait
    features ─ conditions ─ sampler ─ joining                   audio to motion, 25 rows a second
    controls ─ keypoints ─ renderer ─ paste                     motion to frames

The parts know each other's values (``motion``, ``avatar``, ``options``), never each other's networks.
"""
