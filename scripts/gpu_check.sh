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
work=$(mktemp -d)
log=$work/log
trap 'rm -rf "$work"' EXIT

# attempt TEXT COMMAND...: what the command prints is shown only if it fails; then TEXT and its first error are noted.
attempt() {
  local text=$1 status
  shift
  set +e
  (set -e; "$@") >"$log" 2>&1
  status=$?
  set -e
  [ $status -eq 0 ] && return
  tail -n 20 "$log" >&2
  notes+=(--note "$text: $(grep -iE '\berror: ' "$log" | grep -v subprocess | head -n 1 | cut -c 1-200)")
  return 1
}

command -v nvcc >/dev/null || for folder in /usr/local/cuda/bin /opt/cuda/bin; do
  [ -x "$folder/nvcc" ] && export PATH="$folder:$PATH" && break
done
system_packages libportaudio.so.2=libportaudio2
environment gpu "[ditto]"
python="$root/.venv/bin/python"

has() { "$python" -c "import importlib.util as u, sys; sys.exit(u.find_spec('$1') is None)"; }

install() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }

# pycuda is built here. A toolkit without cuRAND, which vcam does not need, takes a setting of its build's own.
install_pycuda() {
  local nvcc told toolkit driver
  nvcc=$(readlink -f "$(command -v nvcc)")
  told=$(nvcc --dryrun x.cu 2>&1 | sed -n 's/^#\$ TOP=//p' || true)  # what is found as nvcc may only call the real one
  for toolkit in "$told" "$(dirname "$(dirname "$nvcc")")" /usr/local/cuda /opt/cuda /usr; do
    [ -e "$toolkit/include/cuda.h" ] && break
  done
  [ -x "$toolkit/bin/nvcc" ] && PATH="$toolkit/bin:$PATH"  # by which the build finds the rest
  driver=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | sed -n 's|.*=> \(.*/libcuda\.so\.1\)$|\1|p' | head -n 1 || true)
  if [ -n "$driver" ]; then  # the linker wants it without the number, and containers often have it only with one
    ln -sf "$driver" "$work/libcuda.so"
    export LIBRARY_PATH="$work${LIBRARY_PATH:+:$LIBRARY_PATH}"
  fi
  if ! compgen -G "$toolkit/include/curand.h" >/dev/null; then
    PIP_CACHE_DIR=$("$python" -m pip cache dir)
    export PIP_CACHE_DIR HOME="$work"
    echo "CUDA_ENABLE_CURAND = False" >"$HOME/.aksetup-defaults.py"
  fi
  install 'pycuda>=2024.1'
}

gpu=
if ! nvidia-smi >/dev/null 2>&1; then
  say "no NVIDIA GPU answers (nvidia-smi): what needs one is left out"
else
  gpu=yes
  if ! command -v nvcc >/dev/null; then
    say "NVIDIA's CUDA toolkit is missing: without it there is no pycuda. See https://developer.nvidia.com/cuda-downloads"
  elif ! has pycuda; then
    say "building pycuda (some minutes)"
    attempt "pycuda could not be built" install_pycuda || true
  fi
  if ! has tensorrt; then
    say "installing TensorRT (some minutes)"
    attempt "TensorRT could not be installed" install 'tensorrt>=10.9' || true
  fi
fi

has_cuda='import onnxruntime, sys; sys.exit("CUDAExecutionProvider" not in onnxruntime.get_available_providers())'
if [ -n "$gpu" ] && ! "$python" -c "$has_cuda"; then
  say "installing onnxruntime for CUDA (some minutes)"
  # both packages own the same folder: one at a time
  "$python" -m pip uninstall --quiet --yes onnxruntime >/dev/null 2>&1 || true
  attempt "onnxruntime-gpu could not be installed" install 'onnxruntime-gpu[cuda,cudnn]>=1.20' ||
    install 'onnxruntime>=1.20'
fi

"$python" "$root/scripts/gpu_check.py" ${notes[@]+"${notes[@]}"} "$@"
