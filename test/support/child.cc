// SPDX-License-Identifier: MIT
#include "child.h"

#include "channel.h"
#include "checked.h"
#include "deadline.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sys/wait.h>

namespace support {

namespace {

void limit_child(unsigned limit_s) {
  std::signal(SIGALRM, SIG_DFL);
  sigset_t alarm_only;
  sigemptyset(&alarm_only);
  sigaddset(&alarm_only, SIGALRM);
  ::sigprocmask(SIG_UNBLOCK, &alarm_only, nullptr);
  ::alarm(limit_s * static_cast<unsigned>(slowness()));
}

int status_of(pid_t child) {
  int status = 0;
  pid_t waited;
  do waited = ::waitpid(child, &status, 0);
  while (waited < 0 && errno == EINTR);
  checked(waited, "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace

int run_in_child(const std::function<int()>& body, unsigned limit_s) {
  const pid_t child = checked(::fork(), "fork");
  if (child == 0) {
    limit_child(limit_s);
    int result = 255;
    try {
      result = body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in a child: %s\n", error.what());
    } catch (...) {
    }
    ::_exit(result);
  }
  return status_of(child);
}

Outcome run_case_again(const std::string& case_name, const std::vector<std::string>& environment) {
  FdPair errors = make_pipe();
  const std::string selection = "--run_test=" + case_name;
  const pid_t child = checked(::fork(), "fork");
  if (child == 0) {
    limit_child(30);
    ::dup2(errors.second.get(), STDERR_FILENO);
    for (const std::string& variable : environment) ::putenv(const_cast<char*>(variable.c_str()));
    ::execl("/proc/self/exe", "again", selection.c_str(), "--log_level=error", nullptr);
    ::_exit(254);
  }
  errors.second.close();
  Outcome outcome;
  char part[4096];
  for (ssize_t count; (count = ::read(errors.first.get(), part, sizeof part)) > 0;)
    outcome.errors.append(part, static_cast<std::size_t>(count));
  outcome.exit_status = status_of(child);
  return outcome;
}

}  // namespace support
