#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: sets vcam up with TensorRT and proves what needs a GPU, in about 40 minutes and the
# time that engines take to build. Writes gpu-report-*.md, which is worth sending whatever it says. What is missing is
# said in a line, and the rest is done all the same, without a GPU too.
#   ./scripts/gpu_check.sh                          with the checkpoint that `vcam checkpoints pull` fetched
#   ./scripts/gpu_check.sh --random /tmp/weights    without one: random weights of full size (2.1 GB)
#   ./scripts/gpu_check.sh --minutes 1 --live 10    shorter memory checks and live runs
# Further options: ./scripts/gpu_check.sh --help
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

notes=()
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# attempt TEXT COMMAND...: what the command prints is shown only if it fails; then TEXT and its last line are noted.
attempt() {
  local text=$1 status
  shift
  set +e
  (set -e; "$@") >"$log" 2>&1
  status=$?
  set -e
  [ $status -eq 0 ] && return
  tail -n 20 "$log" >&2
  notes+=(--note "$text: $(grep -v '^ *$' "$log" | tail -n 1 | cut -c 1-200)")
  return 1
}

command -v nvcc >/dev/null || for folder in /usr/local/cuda/bin /opt/cuda/bin; do
  [ -x "$folder/nvcc" ] && export PATH="$folder:$PATH" && break
done
system_packages libportaudio.so.2=libportaudio2
environment gpu "[ditto]"
python="$root/.venv/bin/python"

if ! command -v nvcc >/dev/null; then
  say "NVIDIA's CUDA toolkit is missing: without it there is no pycuda. See https://developer.nvidia.com/cuda-downloads"
elif ! "$python" -c 'import importlib.util as u, sys; sys.exit(not (u.find_spec("pycuda") and u.find_spec("tensorrt")))'; then
  say "building pycuda and installing TensorRT (some minutes)"
  attempt "pycuda or TensorRT could not be installed" \
    "$python" -m pip install --quiet --disable-pip-version-check --editable "$root[tensorrt]" || true
fi

has_cuda='import onnxruntime, sys; sys.exit("CUDAExecutionProvider" not in onnxruntime.get_available_providers())'
if command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1 && ! "$python" -c "$has_cuda"; then
  say "installing onnxruntime for CUDA (some minutes)"
  # both packages own the same folder: one at a time
  "$python" -m pip uninstall --quiet --yes onnxruntime >/dev/null 2>&1 || true
  attempt "onnxruntime-gpu could not be installed" \
    "$python" -m pip install --quiet --disable-pip-version-check 'onnxruntime-gpu[cuda,cudnn]>=1.20' ||
    "$python" -m pip install --quiet --disable-pip-version-check 'onnxruntime>=1.20'
fi

"$python" "$root/scripts/gpu_check.py" ${notes[@]+"${notes[@]}"} "$@"
