import { value } from '../../core/model/reading.ts';
import type { FoundFile, SysctlFiles } from '../../core/model/surroundings.ts';
import { SYSCTL_CONF, SYSCTL_DIRECTORIES } from '../../core/sysctl/replay.ts';
import { readText } from '../files/files.ts';
import { firstPresent, namesIn } from '../files/folders.ts';
import type { Paths } from '../files/paths.ts';

/** Every file that a reader of sysctl.d could take, read. */
export function observeSysctlFiles(paths: Paths): SysctlFiles {
  const files = SYSCTL_DIRECTORIES.flatMap((directory): readonly FoundFile[] => {
    const names = namesIn(paths.at(directory));
    if (names.kind === 'absent') return [];
    if (names.kind === 'unreadable') return [{ path: directory, content: names }];
    return names.value.filter((name) => name.endsWith('.conf')).map((name) => read(paths, `${directory}/${name}`));
  });
  const conf = { path: SYSCTL_CONF, content: readText(paths.at(SYSCTL_CONF)) };
  const systemd = ['/run/systemd/system', '/usr/lib/systemd/systemd-sysctl', '/lib/systemd/systemd-sysctl'];
  return {
    files: conf.content.kind === 'absent' ? files : [...files, conf],
    bootReader: READER[firstPresent(paths, systemd).kind],
  };
}

const READER = { value: 'systemd', absent: 'procps', unreadable: null } as const;

/** A link that leads nowhere, or to /dev/null, is an empty file that hides others of its name. */
function read(paths: Paths, path: string): FoundFile {
  const content = readText(paths.at(path));
  return { path, content: content.kind === 'absent' ? value('') : content };
}
