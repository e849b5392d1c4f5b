/* SPDX-License-Identifier: MIT
 *
 * Loads the plugin that it is given, calls it, unloads it, and ends as it says.
 */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char** argv) {
  int result;
  int (*plugin_reads)(void);
  void* plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  if (plugin == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  *(void**)&plugin_reads = dlsym(plugin, "plugin_reads");
  result = plugin_reads == NULL || plugin_reads();
  dlclose(plugin);
  if (result == 0) puts("read");
  return result;
}
