#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""That aio-bench does the work it was asked for, all of it, and counts it rightly.

Usage: work.py AIO_BENCH
"""

import csv
import math
import pathlib
import re
import resource
import shutil
import statistics

from bench import Cases, make_file, measured_calmly, results_of, run, scratch_directory

NOTIFIES = {'kaio': ('suspend', 'poll', 'list', 'eventfd'), 'preadv2': ('suspend',),
            'libaio': ('suspend', 'poll', 'list', 'eventfd'),
            'kaio-engine': ('suspend', 'poll', 'list', 'eventfd'),
            'io_uring': ('suspend', 'poll', 'eventfd')}
ENGINES = {'glibc', 'kaio', 'kaio-engine', 'libaio', 'io_uring', 'preadv2', 'threads'}


def check_amounts(cases, directory):
    document = results_of('--amount', '4m', '-d', '1,8', '-j', '1,2', '-c', 'both', '-r', '2',
                          '-s', '8m', cwd=directory)
    problems = []
    for result in document['results']:
        where = f'{result["engine"]} {result["cache"]} depth {result["depth"]} x{result["jobs"]}'
        for repeat in result['repeats']:
            if repeat['byte_count'] != 4 << 20 or repeat['io_count'] != 1024:
                problems.append(f'{where}: {repeat["io_count"]} I/Os')
        for name in ('submission', 'completion', 'total'):
            latency = result['latency_ns'][name]
            if latency['count'] != 2048 or sum(b[2] for b in latency['buckets']) != 2048:
                problems.append(f'{where}: {name} has {latency["count"]} latencies')
    engines = {result['engine'] for result in document['results']}
    left_out = ENGINES - engines
    # An engine is only left out aloud.
    problems += [f'{engine} is missing' for engine in left_out
                 if not any(engine in note for note in document['notes'])]
    cases.tell('an amount is done exactly, by every engine', problems,
               f'{len(document["results"])} results')


def check_notifications(cases, directory):
    for batch in ('1', '8'):
        check_notifications_of(cases, directory, batch)


def check_notifications_of(cases, directory, batch):
    notifies = 'suspend,poll,waitcomplete,list,signal,thread,eventfd,coroutine'
    document = results_of('--amount', '2m', '-d', '8', '-n', notifies, '-r', '1', '-s', '4m',
                          '--batch', batch, cwd=directory)
    seen = {(result['engine'], result['notify']) for result in document['results']}
    problems = [f'kaio with {notify} is missing' for notify in notifies.split(',')
                if ('kaio', notify) not in seen and ('kaio-engine', notify) not in seen]
    problems += [f'{result["engine"]}/{result["notify"]}: {repeat["io_count"]} I/Os'
                 for result in document['results'] for repeat in result['repeats']
                 if repeat['io_count'] != 512]
    cases.tell(f'every way of being told of completions does the whole amount: batches of {batch}',
               problems, f'{len(seen)} ways')


def check_batches(cases, directory):
    """What is cached ends in the submitting call, and so is submitted together again."""
    document = results_of('--amount', '4m', '-d', '8', '--batch', '8', '-c', 'buffered', '-r', '1',
                          '-s', '4m', '-e', 'kaio,kaio-engine,libaio', '-l', 'randread',
                          cwd=directory)
    calls = {result['engine']: result['system_calls_per_io']['median']
             for result in document['results']}
    cases.tell('a batch is handed over in one call', [f'{engine}: {count} calls for each I/O'
               for engine, count in calls.items() if count > 0.6], str(calls))


def check_writes(cases, directory):
    document = results_of('--amount', '1m', '-d', '4', '-l', 'write', '--fsync', '16', '-r', '1',
                          '-s', '4m', '-n', 'suspend,list', cwd=directory)
    problems = [f'{result["engine"]}/{result["notify"]}: '
                f'{repeat["sync_count"]} fsyncs of 256 writes'
                for result in document['results'] for repeat in result['repeats']
                if repeat['sync_count'] not in (15, 16) or
                result['latency_ns']['sync']['count'] != repeat['sync_count']]
    cases.tell('an fsync goes after every so many writes', problems)
    document = results_of('--amount', '2m', '-d', '4', '-l', 'randrw:70', '-b', '8k-32k',
                          '--vectors', '2', '-r', '1', '-s', '4m', cwd=directory)
    problems = [f'{result["engine"]}: {result["repeats"][0]["byte_count"]} bytes'
                for result in document['results']
                if not 2 << 20 <= result['repeats'][0]['byte_count'] < (2 << 20) + 32768]
    if {'glibc'} & {result['engine'] for result in document['results']}:
        problems.append('glibc did vectors')
    cases.tell('mixed vectored I/O of drawn sizes is done', problems)


def check_rates(cases, directory):
    common = ['-e', 'kaio,libaio,threads', '-d', '16', '-t', '1', '-r', '1', '-s', '4m',
              '-c', 'buffered']

    def rates_beyond(least, most, *options):
        return [f'{result["engine"]}: {result["io_per_second"]["median"]:.0f} I/Os per second'
                for result in results_of(*common, *options, cwd=directory)['results']
                if not least <= result['io_per_second']['median'] <= most]

    cases.tell('a limited rate is reached and not exceeded',
               measured_calmly(lambda: rates_beyond(1800, 2050, '--rate', '2000')))
    # Four standard deviations of a Poisson distribution of 2,000.
    cases.tell('Poisson arrivals come at the rate asked for',
               measured_calmly(lambda: rates_beyond(1800, 2200, '--poisson', '2000', '-j', '2')))


def check_open_loop_latency(cases, directory):
    """Arrivals at a rate that cannot be kept wait in a queue that grows for as long
    as the run takes: a closed loop would not see it."""
    path = make_file(directory / 'slow', 4 << 20)
    cases.tell('latency counts from the intended start',
               measured_calmly(lambda: open_loop_problems(path, directory)))


def open_loop_problems(path, directory):
    document = results_of(path, '-e', 'preadv2', '-d', '1', '-t', '1', '--ramp-up', '0', '-r', '1',
                          '-c', 'buffered', '-b', '1m', '--poisson', '200k', cwd=directory)
    result = document['results'][0]
    total, submission = result['latency_ns']['total'], result['latency_ns']['submission']
    kept = result['io_per_second']['median'] / 200e3
    problems = []
    if kept > 0.9:
        problems.append(f'this machine keeps up: {kept:.2f}')
    # The last one that was done was due at `kept` of the time.
    expected_ns = (1 - kept) * result['repeats'][0]['seconds'] * 1e9
    if not 0.8 * expected_ns < total['greatest'] < 1.1 * expected_ns:
        problems.append(f'longest {total["greatest"]} ns instead of about {expected_ns:.0f}')
    if not submission['p50'] < total['p50'] / 20:
        problems.append(f'median {total["p50"]} ns, of which {submission["p50"]} inside the call')
    return problems


def strace_counts(path):
    counts = {}
    for line in path.read_text().splitlines():
        if match := re.match(r'\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$', line):
            counts[match[2]] = int(match[1])
    return counts


def check_system_calls(cases, directory):
    """Load by load: a remnant of a call that an engine does not make any more is seen in
    those alone in which it was made."""
    calls_of = {'libaio': ['io_submit', 'io_getevents'],
                'kaio-engine': ['io_submit', 'io_getevents', 'io_pgetevents'],
                'io_uring': ['io_uring_enter'],
                'preadv2': ['preadv2', 'pwritev2', 'fsync'],
                'kaio': ['io_submit', 'io_getevents', 'io_pgetevents', 'preadv2']}
    loads = {'direct reads': ['-l', 'randread', '-c', 'direct'],
             'cached reads': ['-l', 'randread', '-c', 'buffered'],
             'direct writes': ['-l', 'randwrite', '-c', 'direct'],
             'buffered writes and fsyncs': ['-l', 'randwrite', '-c', 'buffered', '--fsync', '16'],
             'vectors': ['-l', 'randread', '-c', 'direct', '--vectors', '2', '-b', '8k'],
             'batches': ['-l', 'randread', '-c', 'direct', '--batch', '8'],
             'lists': ['-l', 'randread', '-c', 'direct', '-n', 'list'],
             'looks': ['-l', 'randread', '-c', 'direct', '-n', 'poll'],
             'an eventfd': ['-l', 'randread', '-c', 'direct', '-n', 'eventfd']}
    if shutil.which('strace') is None:
        cases.skip('system calls are those that strace sees', 'strace is not installed')
        return
    path = make_file(directory / 'counted', 4 << 20)
    for load, options in loads.items():
        for engine, calls in calls_of.items():
            notify = options[options.index('-n') + 1] if '-n' in options else 'suspend'
            if notify not in NOTIFIES[engine]:
                continue
            for depth in ('1',) if engine == 'preadv2' else ('1', '8'):
                name = f'system calls of {engine} are those that strace sees: {load}, depth {depth}'
                allow = ['--write', f'--destroy={path}'] if 'write' in options[1] else []
                compare_with_strace(cases, directory, name, path, engine, calls,
                                    [*options, '-d', depth, *allow])


def compare_with_strace(cases, directory, name, path, engine, calls, options):
    try:
        document = results_of(
            path, '-e', engine, '--amount', '1m', '-r', '1', *options, cwd=directory,
            before=['strace', '-f', '-c', '-o', 'strace.txt', '-e', 'trace=' + ','.join(calls)])
    except RuntimeError as error:
        cases.skip(name, str(error))
        return
    result = document['results'][0]
    counted = result['system_calls_per_io']['median'] * result['repeats'][0]['io_count']
    seen = strace_counts(directory / 'strace.txt')
    truth = sum(seen.get(call, 0) for call in calls)
    # Those of the eventfd are counted with the engine's, and made by others too.
    if 'eventfd' in options:
        truth = counted_as_eventfd(truth, counted, result['repeats'][0]['io_count'])
    statistics_of_kaio = result['kaio_statistics'] or {}
    by_threads = sum(statistics_of_kaio.get(key, 0) for key in ('by_pool', 'submitted_by_pool'))
    # kaio's reaper may make a few before and after; its threads are said not to be counted.
    allowed = (3 if engine == 'kaio' else 0) + by_threads
    cases.tell(name, [] if abs(counted - truth) <= allowed + 0.5 and counted <= truth + 0.5 + (
        3 if engine == 'kaio' else 0) else [f'counted {counted:.1f}, strace saw {seen}'],
               f'{truth} calls, {by_threads} by threads')


def counted_as_eventfd(truth, counted, io_count):
    """With ppoll and read, at most one of each for an I/O."""
    return counted if truth <= counted <= truth + 2 * io_count + 4 else truth


def check_kernel_count(cases, directory):
    name = 'the kernel counts all system calls'
    path = make_file(directory / 'counted', 4 << 20)
    arguments = [path, '-e', 'preadv2,threads,glibc', '-d', '1', '--amount', '16m', '-r', '1',
                 '-c', 'buffered', '--count-system-calls']
    outcome = run(*arguments, cwd=directory)
    if outcome.code != 0:
        # Refused aloud, or broken.
        cases.skip(name, 'the kernel does not let us') \
            if 'does not let this user' in outcome.errors else cases.tell(name, [outcome.errors])
        return
    results = {result['engine']: result['system_calls_per_io']['median']
               for result in results_of(*arguments, cwd=directory)['results']}
    problems = []
    if not 1 <= results['preadv2'] < 1.02:
        problems.append(f'preadv2 makes {results["preadv2"]} for each I/O')
    for engine in ('threads', 'glibc'):
        # The I/O itself, and waking each other.
        if not 1 < results[engine] < 12:
            problems.append(f'{engine} makes {results[engine]} for each I/O')
    cases.tell(name, problems, str(results))


def check_refusals(cases, directory):
    name = 'refused submissions are counted, and made again'
    if shutil.which('strace') is None:
        cases.skip(name, 'strace is not installed')
        return
    path = make_file(directory / 'refused', 64 << 20)
    try:
        # Large enough that something is always in flight when a call is refused.
        document = results_of(
            path, '-e', 'libaio', '-d', '16', '-b', '256k', '--amount', '64m', '-r', '1',
            cwd=directory, before=['strace', '-f', '-o', 'strace.txt', '-e', 'trace=io_submit',
                                   '-e', 'inject=io_submit:error=EAGAIN:when=20+10'])
    except RuntimeError as error:
        cases.skip(name, str(error))
        return
    refused = (directory / 'strace.txt').read_text().count('(INJECTED)')
    repeat = document['results'][0]['repeats'][0]
    told = f'{repeat["eagain_count"]} refused, {repeat["retry_count"]} made again'
    cases.tell(name, [] if refused > 0 and repeat['io_count'] == 256 and
               repeat['eagain_count'] == repeat['retry_count'] == refused else
               [f'{told}, strace refused {refused}, {repeat["io_count"]} I/Os'], told)


def check_usage(cases, directory):
    """What the kernel tells the parent of the whole process is a little more, for its
    beginning and end."""
    path = make_file(directory / 'used', 4 << 20)
    for name, options, figure, of_parent in (
            ('CPU time is that which the kernel tells of the process', ['-c', 'buffered'],
             'cpu_us_per_io', lambda usage: (usage.ru_utime + usage.ru_stime) * 1e6),
            ('so are context switches', ['-c', 'direct'],
             'context_switches_per_io', lambda usage: usage.ru_nvcsw + usage.ru_nivcsw)):
        def measure(options=options, figure=figure, of_parent=of_parent):
            before = of_parent(resource.getrusage(resource.RUSAGE_CHILDREN))
            document = results_of(path, '-e', 'preadv2', '-d', '1', '-t', '2', '--ramp-up', '0',
                                  '-r', '1', *options, cwd=directory)
            truth = of_parent(resource.getrusage(resource.RUSAGE_CHILDREN)) - before
            repeat = document['results'][0]['repeats'][0]
            told = repeat[figure] * repeat['io_count']
            return [] if 0.85 * truth <= told <= 1.01 * truth else [f'{told:.0f} of {truth:.0f}']

        cases.tell(name, measured_calmly(measure))


def names_in(value):
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    if not isinstance(value, dict):
        return set()
    # What is in these two is named by kaio.
    return set(value).union(*(names_in(inner) for name, inner in value.items()
                              if name not in ('kaio_statistics', 'kaio_options')))


def check_format(cases, directory):
    document = results_of('-e', 'kaio,threads', '-d', '4', '-l', 'randrw', '--fsync', '8', '-t',
                          '0.05', '-r', '2', '-s', '4m', cwd=directory)
    page = pathlib.Path(__file__).resolve().parents[3] / 'tools/aio-bench/json-format.md'
    documented = set(re.findall(r'`(\w+)`', page.read_text(encoding='utf-8')))
    unknown = sorted(names_in(document) - documented)
    missing = sorted({'io_per_second', 'p99_99', 'sync', 'kaio_statistics', 'eagain_count'} -
                     names_in(document))
    cases.tell('every member of the JSON is documented', [f'{name} is not' for name in unknown] +
               [f'{name} is not there' for name in missing])
    # What the percentiles are can be told from the buckets, which are the whole distribution.
    problems = []
    for result in document['results']:
        for what, told in result['latency_ns'].items():
            for name, fraction in (('p50', .5), ('p90', .9), ('p99', .99), ('p99_9', .999),
                                   ('p99_99', .9999)):
                wanted, seen = math.ceil(fraction * told['count']), 0
                for first, last, count in told['buckets']:
                    seen += count
                    if seen >= wanted:
                        break
                # The last one of all is known exactly.
                least, most = first, last + 1
                if wanted == told['count']:
                    least = most = told['greatest']
                if not least <= told[name] <= most:
                    problems.append(f'{result["engine"]} {what} {name}: {told[name]}, '
                                    f'in {first} to {last}')
    cases.tell('its percentiles are those of its buckets', problems)


def check_csv(cases, directory):
    cases.tell('the log over time has a line for each interval',
               measured_calmly(lambda: log_problems(directory)))
    outcome = run('-e', 'kaio', '-d', '4', '-r', '3', '--amount', '4m', '-s', '4m',
                  '--csv', 'log.csv', cwd=directory)
    with open(directory / 'log.csv', encoding='utf-8') as log:
        lines = list(csv.DictReader(log))
    cases.tell('measurements that are shorter than an interval have a line too',
               outcome.problems(0) + ([] if [line['round'] for line in lines] == ['1', '2', '3'] and
                                      all(float(line['io_per_second']) > 0 for line in lines)
                                      else [f'{lines}']))


def log_problems(directory):
    outcome = run('-e', 'kaio', '-d', '4', '-t', '1', '-r', '2', '-s', '4m', '--csv', 'log.csv',
                  '--csv-interval', '0.2', '--rate', '1000', cwd=directory)
    with open(directory / 'log.csv', encoding='utf-8') as log:
        lines = list(csv.DictReader(log))
    problems = outcome.problems(0)
    # Of 1.1 seconds each: with the ramp-up.
    if not 10 <= len(lines) <= 12:
        problems.append(f'{len(lines)} lines')
    # A machine that stalls makes some intervals slow, not most of them, and none fast.
    rates = [float(line['io_per_second']) for line in lines]
    problems += [f'{rate} I/Os per second' for rate in rates if rate > 1300]
    if not 900 <= statistics.median(rates) <= 1100:
        problems.append(f'{rates} I/Os per second')
    problems += [f'mean {line["mean_latency_us"]} us' for line in lines
                 if not 0 < float(line['mean_latency_us']) <= float(line['greatest_latency_us'])]
    times = [float(line['run_seconds']) for line in lines]
    if times != sorted(times):
        problems.append('times go backwards')
    return problems


def check_repeats(cases, directory):
    document = results_of('-e', 'kaio,libaio', '-d', '1', '-t', '0.1', '-r', '5', '-s', '4m',
                          cwd=directory)
    problems = []
    for result in document['results']:
        rates = sorted(repeat['io_per_second'] for repeat in result['repeats'])
        summary = result['io_per_second']
        if len(rates) != 5 or [summary['least'], summary['median'], summary['greatest']] != \
                [rates[0], rates[2], rates[4]]:
            problems.append(f'{result["engine"]}: {summary} of {rates}')
    starts = sorted((repeat['started_seconds'], result['engine'])
                    for result in document['results'] for repeat in result['repeats'])
    # Round by round: never the same engine more than twice in a row.
    for first, second, third in zip(starts, starts[1:], starts[2:]):
        if first[1] == second[1] == third[1]:
            problems.append(f'{first[1]} ran three times in a row')
    cases.tell('medians are of all rounds, which are interleaved', problems)


def check_warnings(cases, directory):
    path = directory / 'holes'
    with open(path, 'wb') as file:
        file.truncate(4 << 20)
    short = ['-e', 'preadv2', '-d', '1', '-t', '0.05', '-r', '1']
    cases.tell('a file with holes is warned of',
               run(path, *short, cwd=directory).problems(0, 'Warning:', 'has holes'))
    path = directory / 'zeros'
    path.write_bytes(bytes(4 << 20))
    cases.tell('a file full of zeros is warned of',
               run(path, *short, cwd=directory).problems(0, 'Warning:', 'hold only zeros'))
    path = make_file(directory / 'filled', 4 << 20)
    outcome = run(path, *short, cwd=directory)
    cases.tell('a filled file is not', outcome.problems(0) +
               [f'warned: {outcome.output}' for text in ('holes', 'zeros')
                if text in outcome.output])


def main():
    cases = Cases()
    with scratch_directory() as directory:
        for check in (check_amounts, check_notifications, check_batches, check_writes, check_rates,
                      check_open_loop_latency, check_system_calls, check_kernel_count,
                      check_refusals, check_usage, check_format, check_csv, check_repeats,
                      check_warnings):
            check(cases, directory)
    cases.exit()


main()
