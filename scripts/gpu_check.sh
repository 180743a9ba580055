#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: sets vcam up with TensorRT and proves what needs a GPU, in about 20 minutes and the
# time that engines take to build. Writes gpu-report-*.md, which is worth sending whatever it says.
#   ./scripts/gpu_check.sh                          with the checkpoint that `vcam checkpoints pull` fetched
#   ./scripts/gpu_check.sh --random /tmp/weights    without one: random weights of full size (2.1 GB)
# Further options: ./scripts/gpu_check.sh --help
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

command -v nvcc >/dev/null || for folder in /usr/local/cuda/bin /opt/cuda/bin; do
  [ -x "$folder/nvcc" ] && export PATH="$folder:$PATH" && break
done
command -v nvcc >/dev/null ||
  say "NVIDIA's CUDA toolkit is missing: pycuda is built with it. See https://developer.nvidia.com/cuda-downloads"
system_packages libportaudio.so.2=libportaudio2
environment gpu "[tensorrt]"
exec "$root/.venv/bin/python" "$root/scripts/gpu_check.py" "$@"
