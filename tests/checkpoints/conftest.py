from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.checkpoints.hub_server import HubServer

_RANDOM = np.random.default_rng(5)
FILES = {
    "ditto_cfg/v0.4_hubert_cfg_trt_online.pkl": b"small config",
    "ditto_onnx/decoder.onnx": _RANDOM.bytes(3_000_000),
    "ditto_onnx/warp_network.onnx": _RANDOM.bytes(50_000),
    "ditto_trt_Ampere_Plus/decoder_fp16.engine": _RANDOM.bytes(2000),
    "ditto_pytorch/models/decoder.pth": _RANDOM.bytes(2000),
    "ditto_onnx/libgrid_sample_3d_plugin.so": b"not for us",
    "README.md": b"read me",
}


@pytest.fixture
def hub_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub of one's own, with a small checkpoint."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    # the library writes in pieces of 10 MB, which the files here do not have
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 2**16)
    server = HubServer(FILES)
    yield server
    server.close()
