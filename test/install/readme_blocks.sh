# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What README.md has in its blocks: programs, and commands. Sourced.

# Writes each block to a file NUMBER.LANGUAGE, and says what is wrong with them.
extract_blocks() { # DIRECTORY
  awk -v directory="$1" -v languages='^(sh|c|cpp|ini|text)$' '
    /^ *```/ && inside { inside = 0; close(file); next }
    /^ *```/ {
      language = $0
      sub(/^ *```/, "", language)
      if (language !~ languages) print "line " NR ": a block of the language \"" language "\""
      file = sprintf("%s/%03d.%s", directory, ++count, language)
      inside = 1
      next
    }
    inside { print >file; next }
    /^    / && last == "" { print "line " NR ": a block without a language" }
    { last = $0 }
    END { if (inside) print "the last block has no end" }'
}

# The commands of a block, each in one line and without its comment.
commands_of() { # BLOCK
  sed -e ':again' -e '/\\$/{N;s/ *\\\n */ /;b again' -e '}' "$1" |
    sed -e 's/\(^\| \+\)# .*//' -e '/^ *$/d'
}

# The name that the first line of a program tells.
name_of() { # BLOCK
  sed -n '1s,^\(/\*\|//\) \([a-z_]*\.\(c\|cc\)\)\b.*,\2,p' "$1"
}
