#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the shared libraries export, need and promise to the loader.

Usage: check_symbols.py libkaio-posix.a libkaio-posix.so libkaio.so libkaio-engine.so
"""

import re
import subprocess
import sys

from cases import Cases

WITH_A_64_ALIAS = ['aio_read', 'aio_write', 'aio_fsync', 'aio_error', 'aio_return', 'aio_suspend',
                   'aio_cancel', 'lio_listio']
EXPORTED = set(WITH_A_64_ALIAS) | {name + '64' for name in WITH_A_64_ALIAS} | {
    'aio_init', 'aio_readv', 'aio_writev', 'aio_read2', 'aio_write2', 'aio_waitcomplete',
    'kaio_set_option', 'kaio_get_statistics',
}

# libkaio has the same under names of its own, and never those of <aio.h>.
OF_OUR_OWN = {'kaio_set_option', 'kaio_get_statistics'}
EXPORTED_BY_LIBKAIO = OF_OUR_OWN | {
    'kaio_' + name for name in EXPORTED - OF_OUR_OWN if not name.endswith('64')}


# A thread that is being cancelled is unwound in these, and our frames forbid it.
CANCELLATION_POINTS = re.compile(
    r'(accept4?|clock_nanosleep|close|connect|creat|epoll_p?wait2?|fdatasync|fsync|lockf|msgrcv|'
    r'msgsnd|msync|nanosleep|open|openat|pause|poll|ppoll|pread|preadv2?|preadv64v2|pselect|'
    r'pthread_cond_(timed|clock)?wait|pthread_join|pwrite|pwritev2?|pwritev64v2|read|readv|recv|'
    r'recvfrom|recvmm?sg|select|sem_(timed|clock)?wait|send|sendmm?sg|sendto|sigpause|sigsuspend|'
    r'sigtimedwait|sigwait|sigwaitinfo|sleep|splice|sync_file_range|system|tcdrain|tee|usleep|'
    r'vmsplice|wait|waitid|waitpid|wait3|wait4|write|writev)(64)?')
# What uses them all the same: in threads of ours, with cancelling off, or while the library
# is loaded or the process ends.
MAY_USE_CANCELLATION_POINTS = {
    'threads_stream_io.cc.o', 'threads_blocking_io.cc.o', 'readiness_watcher.cc.o',
    'kernel_context.cc.o', 'process_report.cc.o', '.._sys_thread_group.cc.o',
}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def exported_symbols(library):
    """Name (with its version, if it has one) of everything in the dynamic table."""
    lines = run('nm', '-D', '--defined-only', '--with-symbol-versions', library).splitlines()
    return {line.split()[-1] for line in lines if line.strip()}


def dynamic_section(library):
    return run('readelf', '-dW', library)


def cancellation_points(archive):
    """Of each object that calls one and may not: its name and what it calls."""
    found = []
    for line in run('nm', '-A', '-u', archive).splitlines():
        # Of an archive that is not installed, members are named by their paths.
        member, symbol = line.split(':')[1].split('/')[-1], line.split()[-1].split('@')[0]
        if member not in MAY_USE_CANCELLATION_POINTS and CANCELLATION_POINTS.fullmatch(symbol):
            found.append(f'{member} calls {symbol}()')
    return found


def names_of(class_name, *members, ends=True):
    """A class's own constructors and destructor, and the members."""
    own = [class_name] + [f'~{class_name}'] * ends
    return {f'kaio::{class_name}::{member}' for member in [*own, *members]}


# What the headers of the engine declare and do not define.
EXPORTED_BY_THE_ENGINE = (
    names_of('Engine', 'submit', 'flush', 'poll', 'wait', 'drain', 'wake', 'fd',
             'next_deadline', 'cancel', 'under_way', 'kernel_aio', 'depth', 'belongs_to_parent',
             'statistics') |
    names_of('EngineThread', 'submit', 'perform', 'engine', 'post') |
    names_of('Operation', 'operator=', 'read', 'write', 'readv', 'writev', 'sync', 'datasync',
             'poll', 'set_flags', 'set_priority', 'set_partial', 'set_deadline',
             'clear_deadline', 'set_stop_token', 'on_completion', 'context', 'is_idle', 'result') |
    names_of('Chain', 'add', 'clear', 'on_completion', 'result') |
    # Its constructor is in the header.
    {'kaio::Commit::~Commit'} |
    names_of('GroupCommit', 'append', 'commit_and_wait', 'end_bytes', 'has_failed', 'restart',
             'statistics') |
    names_of('File', 'operator=', 'adopt', 'fd', 'is_direct', 'is_stream', 'alignment',
             'size_bytes', 'preallocate', 'sync_has_failed', 'forgive') |
    names_of('Buffer', 'operator=') |
    names_of('BufferPool', ends=False) |
    {f'kaio::testing::FaultyKernel::{member}' for member in (
        'FaultyKernel', '~FaultyKernel', 'refuse', 'fail', 'fail_sync', 'cut_power',
        'lose_unsynced', 'counts')} |
    {'kaio::Histogram::count', 'kaio::Histogram::quantile_ns', 'kaio::Histogram::largest_in',
     'kaio::EngineStatistics::to_text', 'kaio::engine_category'})


def qualified_name(demangled):
    """Without its parameters, and what a compiler adds to a name."""
    return re.sub(r'(\[abi:\w+\])?\(.*', '', demangled)


def check_engine(cases, library):
    lines = run('nm', '-DC', '--defined-only', '--with-symbol-versions', library).splitlines()
    symbols = {line.split(maxsplit=2)[2] for line in lines if line.strip()}
    symbols -= {symbol for symbol in symbols if re.fullmatch(r'KAIO_ENGINE_\w+', symbol)}
    exported = {qualified_name(symbol) for symbol in symbols}
    cases.tell('libkaio-engine exports what its headers declare',
               [f'{name} is missing' for name in sorted(EXPORTED_BY_THE_ENGINE - exported)],
               f'{len(EXPORTED_BY_THE_ENGINE)} names')
    cases.tell('libkaio-engine exports nothing else',
               [f'{name} is exported' for name in sorted(exported - EXPORTED_BY_THE_ENGINE)])
    cases.tell('the names of libkaio-engine have versions of its own',
               [symbol for symbol in sorted(symbols) if '@@KAIO_ENGINE_' not in symbol])

    dynamic = dynamic_section(library)
    soname = re.findall(r'\(SONAME\).*\[(.*)\]', dynamic)
    cases.tell('libkaio-engine has a soname',
               [] if soname == ['libkaio-engine.so.0'] else [f'it is {soname}'])
    needed = re.findall(r'\(NEEDED\).*\[(.*)\]', dynamic)
    allowed = re.compile(r'(libaio|libc|libm|libgcc_s|ld-linux.*|libstdc\+\+|libc\+\+(abi)?)\.so')
    foreign = [f'it needs {name}' for name in needed if not allowed.match(name)]
    # Exceptions and error categories of a second one would be others than the program's.
    if not any(re.match(r'lib(std)?c\+\+\.so', name) for name in needed):
        foreign.append('it has a C++ library of its own')
    cases.tell('libkaio-engine needs what a C++ program has', foreign, ' '.join(needed))
    cases.tell('what libkaio-engine calls is looked up when it is loaded',
               [] if re.search(r'FLAGS\).*BIND_NOW', dynamic) else ['there is no BIND_NOW flag'])
    cases.tell('libkaio-engine can be unloaded',
               ['there is a NODELETE flag'] if 'NODELETE' in dynamic else [])


def main():
    archive, posix_library, own_library, engine_library = sys.argv[1:]
    cases = Cases()

    cases.tell('no thread of the program is at a cancellation point in the library',
               cancellation_points(archive))

    symbols = exported_symbols(posix_library)
    names = {symbol.split('@')[0] for symbol in symbols}
    cases.tell('the POSIX library exports each function',
               [f'{name} is missing' for name in sorted(EXPORTED - names)],
               f'{len(EXPORTED)} names')
    cases.tell('the POSIX library exports nothing else',
               [f'{name} is exported' for name in sorted(names - EXPORTED)])
    # A reference to any of glibc's versions binds to a name without one.
    cases.tell('the exported names have no version',
               [symbol for symbol in sorted(symbols) if '@' in symbol])

    dynamic = dynamic_section(posix_library)
    needed = re.findall(r'\(NEEDED\).*\[(.*)\]', dynamic)
    # libgcc_s unwinds a cancelled thread; the C library loads it for that anyway.
    allowed = re.compile(r'(libaio|libc|libgcc_s|ld-linux.*)\.so')
    foreign = [name for name in needed if not allowed.match(name)]
    cases.tell('the POSIX library needs nothing that a C program has not',
               [f'it needs {name}' for name in foreign], ' '.join(needed))
    cases.tell('the POSIX library is never unloaded',
               [] if re.search(r'FLAGS_1\).*NODELETE', dynamic) else ['there is no NODELETE flag'])

    # The linker defines a symbol for each version.
    versioned = {symbol for symbol in exported_symbols(own_library)
                 if not symbol.startswith('KAIO_')}
    exported = {symbol.split('@')[0] for symbol in versioned}
    cases.tell('libkaio exports each function under its own name',
               [f'{name} is missing' for name in sorted(EXPORTED_BY_LIBKAIO - exported)])
    cases.tell('libkaio exports nothing else, and no function of <aio.h>',
               [f'{name} is exported' for name in sorted(exported - EXPORTED_BY_LIBKAIO)])
    cases.tell('the names of libkaio have versions of its own',
               [symbol for symbol in sorted(versioned) if '@@KAIO_' not in symbol])

    check_engine(cases, engine_library)
    cases.exit()


main()
