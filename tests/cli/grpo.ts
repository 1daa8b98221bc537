// Runs the commands as a user does: as a process of their own, from source or built.
import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findBrowser } from '../browser.mjs';

const ROOT = join(import.meta.dirname, '../..');
export const SOURCE = join(ROOT, 'src/cli/run.mjs');
export const BUILT = join(ROOT, 'dist/cli/grpo.mjs');

export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** In a folder that is not the repository. */
export function grpo(program: string, args: readonly string[]): Promise<Result> {
  return run(process.execPath, [program, ...args], tmpdir());
}

/** Makes grpo.mjs of the source as it is, in dist/cli or in another folder; two test files must not share one. */
export async function build(folder = dirname(BUILT)): Promise<void> {
  const { status, stderr } = await run('npm', ['run', '-s', 'build:cli', '--', '--outDir', folder], ROOT);
  if (status !== 0) throw new Error(`the commands cannot be built: ${stderr}`);
}

export function run(file: string, args: readonly string[], cwd: string): Promise<Result> {
  const env = { ...process.env, ...softwareGpu(), NODE_ENV: 'production' };
  const shell = process.platform === 'win32' && file === 'npm'; // npm is a .cmd there
  return new Promise((resolve) => {
    const child = execFile(file, args, { cwd, env, shell, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ status: error ? (child.exitCode ?? -1) : 0, stdout, stderr });
    });
  });
}

/**
 * On Linux, where a test machine seldom has a GPU, the software Vulkan that comes with every Chromium, beside the program; Dawn
 * brings its own way elsewhere. Without either the commands fail, and so do the tests.
 */
function softwareGpu(): Record<string, string> {
  if (process.platform !== 'linux') return {};
  const browser = findBrowser();
  const folders = [...(browser ? [dirname(realpathSync(browser))] : []), '/usr/lib/chromium', '/opt/google/chrome'];
  const folder = folders.find((path) => existsSync(join(path, DRIVER)));
  return folder ? { VK_ICD_FILENAMES: join(folder, DRIVER), LD_LIBRARY_PATH: folder, XDG_RUNTIME_DIR: tmpdir() } : {};
}

const DRIVER = 'vk_swiftshader_icd.json';
