// Finds a Chrome or Chromium for the tests that need WebGPU. Order: CHROME_PATH, an installed browser, Debian's package
// (as root, where apt is), Playwright's own download.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Flags of every test browser: Linux needs the first for WebGPU, the rest keep the browser off the network. */
export const BROWSER_ARGS = [
  '--enable-unsafe-webgpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

const NAMES = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser', 'chrome'];

/** @type {Partial<Record<NodeJS.Platform, string[]>>} */
const WELL_KNOWN = {
  darwin: ['/Applications', join(process.env.HOME ?? '', 'Applications')].flatMap((folder) =>
    ['Google Chrome', 'Chromium'].map((name) => join(folder, `${name}.app/Contents/MacOS/${name}`)),
  ),
  win32: [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA]
    .filter((folder) => folder !== undefined)
    .flatMap((folder) => ['Google\\Chrome', 'Chromium'].map((name) => join(folder, name, 'Application', 'chrome.exe'))),
};

/**
 * The path of an installed browser, or null. A CHROME_PATH that names no program is an error, not a reason to search on.
 * @returns {string | null}
 */
export function findBrowser() {
  const named = process.env.CHROME_PATH;
  if (named) {
    if (!isProgram(named)) throw new Error(`CHROME_PATH must name a Chrome or Chromium program, but it is ${named}`);
    return named;
  }
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, ...(WELL_KNOWN[process.platform] ?? [])].find(isProgram) ?? null;
}

/** Like findBrowser, but installs one where none is found. Throws one line that says what to install. */
export async function requireBrowser() {
  const installed = findBrowser();
  if (installed) return installed;

  const isRoot = process.getuid?.() === 0;
  // Debian alone: Ubuntu's package of this name only points to snap, which a container cannot run.
  if (isRoot && existsSync('/usr/bin/apt-get') && /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'))) {
    run('apt-get', 'update');
    run('apt-get', 'install', '-y', 'chromium');
    const fromApt = findBrowser();
    if (fromApt) return fromApt;
  }

  const { chromium } = await import('playwright');
  const downloaded = chromium.executablePath();
  const withLibraries = isRoot ? ['--with-deps'] : [];
  if (!isProgram(downloaded)) run('npx', 'playwright', 'install', ...withLibraries, 'chromium');
  if (isProgram(downloaded)) return downloaded;

  throw new Error('no browser found: install Chrome or Chromium, or set CHROME_PATH to one');
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, ...args) {
  spawnSync(command, args, {
    stdio: 'inherit',
    shell: process.platform === 'win32', // npx is a .cmd there
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
