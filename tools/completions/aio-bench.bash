# SPDX-License-Identifier: MIT
# Completion of aio-bench for bash.

# The last element of a list 1,8,32 is what is being typed.
_aio_bench_list() { # WORDS
  local typed=${current##*,} before=
  [[ $current == *,* ]] && before=${current%,*},
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "$typed")
}

_aio_bench() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command=run options
  local safety='--write --destroy --force'
  COMPREPLY=()
  case ${COMP_WORDS[1]} in
  run | verify | plot | compare) ((COMP_CWORD > 1)) && command=${COMP_WORDS[1]} ;;
  esac
  case $command in
  run)
    options="--engine --load --block-size --depth --batch --jobs --cache --notify --vectors
      --dsync --fsync --rate --poisson --cold --extend --size --seconds --amount --ramp-up
      --repeats $safety --json --csv --csv-interval --count-system-calls --help --version"
    ;;
  verify)
    options="--engine --cache --block-size --io-size --depth --size --seconds --reads --cancel
      --seed --journal --continue --synced-only $safety --help"
    ;;
  plot) options='--output --help' ;;
  compare) options='--threshold --figures --all --help' ;;
  esac
  case $previous in
  -e | --engine)
    _aio_bench_list 'glibc kaio kaio-engine libaio io_uring preadv2 threads'
    return
    ;;
  -l | --load)
    _aio_bench_list 'randread randwrite randrw: read write rw:'
    return
    ;;
  -c | --cache)
    mapfile -t COMPREPLY < <(compgen -W 'direct buffered both' -- "$current")
    return
    ;;
  -n | --notify)
    _aio_bench_list 'suspend poll waitcomplete list signal thread eventfd coroutine'
    return
    ;;
  --figures)
    _aio_bench_list 'rate p50 p99 p99.9 cpu calls'
    return
    ;;
  -[bdjstr] | --block-size | --depth | --batch | --jobs | --vectors | --fsync | --rate | \
    --poisson | --size | --seconds | --amount | --ramp-up | --repeats | --csv-interval | \
    --io-size | --reads | --cancel | --seed | --threshold)
    return # numbers
    ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$current")
  if ((COMP_CWORD == 1)); then
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
      compgen -W 'run verify plot compare' -- "$current")
  fi
}
complete -F _aio_bench aio-bench
