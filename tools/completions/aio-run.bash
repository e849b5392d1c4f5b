# SPDX-License-Identifier: MIT
# Completion of aio-run for bash.
_aio_run() {
  local current=${COMP_WORDS[COMP_CWORD]} i check=
  COMPREPLY=()
  # What follows the program is completed as the program's own.
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
    --) ((++i)) && break ;;
    --check) check=yes ;;
    # Bash may take --route=pool for three words; a number belongs to --stats.
    -* | = | kernel | poll | pool | auto | [0-9]*) ;;
    *) break ;;
    esac
  done
  if [[ -n $check && $current != -* ]]; then
    compopt -o default
  elif ((i < COMP_CWORD)); then
    if declare -F _command_offset >/dev/null; then
      _command_offset "$i"
    else
      compopt -o default
    fi
  elif [[ $current == --route=* ]]; then
    mapfile -t COMPREPLY < <(compgen -P --route= -W 'kernel poll pool auto' -- "${current#*=}")
  elif [[ $current == = || ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'kernel poll pool auto' -- "${current#=}")
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '--stats --log --route= --check --help' -- "$current")
    [[ ${COMPREPLY[*]} == --route= ]] && compopt -o nospace
  else
    mapfile -t COMPREPLY < <(compgen -c -- "$current")
  fi
  return 0
}
complete -F _aio_run aio-run
