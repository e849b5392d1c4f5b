# SPDX-License-Identifier: MIT
# The comments of the engine's headers as Doxygen takes them: those in front of a declaration,
# those behind one in its line, and the heading of the file.
FNR == 1 { behind = 0; next } # the licence
FNR == 2 && /^\/\// { print "/// @file" }
/^ *\/\/( |$)/ {
  sub(/\/\/   /, "//     ") # code
  sub(/\/\//, behind ? "///<" : "///")
  print
  next
}
# Doxygen finds no place for it.
/^struct std::is_error_code_enum/ { next }
{
  behind = /[;,{a-z_] +\/\/ /
  if (behind) sub(/ \/\/ /, " ///< ")
  print
}
