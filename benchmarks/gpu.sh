#!/usr/bin/env bash
# What training does on a GPU, measured by one command: each script below in turn, in under ten minutes together.
#
#     OUT=FOLDER benchmarks/gpu.sh
#
# FOLDER gets a file of each, which ends with why where one fails or takes too long. DEVICE chooses another GPU than the
# first, PYTHON another interpreter than the one on PATH.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:?OUT names the folder to write to}
device=${DEVICE:-cuda}
python=${PYTHON:-python}
together=570 each=150 # seconds
mkdir -p "$out" || exit

measure() { # NAME SCRIPT OPTIONS...
    local file="$out/$1.txt" left=$((together - SECONDS)) code
    shift
    ((left > 0)) || left=1
    echo "$*" | tee "$file"
    timeout $((left < each ? left : each)) "$python" "$here/$1" "${@:2}" --device "$device" >>"$file" 2>&1
    code=$?
    case $code in
        0) ;;
        124) echo "out of time" >>"$file" ;;
        *) echo "ended with $code" >>"$file" ;;
    esac
    tail -n +2 "$file" | tail -n 3
}

"$python" -c "import sys, torch; print(torch.__version__, torch.version.cuda, torch.cuda.get_device_name(sys.argv[1]))" \
    "$device" 2>&1 | tee "$out/torch.txt" || exit
measure step training_step.py
measure step-fp32 training_step.py --precision fp32
measure step-bf16 training_step.py --precision bf16
measure jpegs training_step.py --jpegs --steps 3
measure profile profile_step.py
measure profile-bf16 profile_step.py --precision bf16
measure streamed decoding.py --streamed
measure step-deterministic training_step.py --deterministic
measure step-compile training_step.py --compile
measure quality quality.py --precision tf32
