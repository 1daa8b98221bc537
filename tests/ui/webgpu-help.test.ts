import { describe, expect, it } from 'vitest';
import { failureHelp } from '../../src/ui/state/failures.ts';
import { webgpuHelp } from '../../src/ui/state/webgpu-help.ts';

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const WINDOWS = CHROME.replace('X11; Linux x86_64', 'Windows NT 10.0; Win64; x64');
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const SAFARI =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15';
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile Safari/604.1';

describe('help without WebGPU', () => {
  it.each([
    ['Chrome on Linux', CHROME, true, /chrome:\/\/flags\/#enable-vulkan/],
    ['Chrome on Windows', WINDOWS, true, /chrome:\/\/settings\/system/],
    ['Edge', `${WINDOWS} Edg/140.0.0.0`, true, /edge:\/\/settings\/system/],
    ['an old Chrome', CHROME, false, /Update Chrome/],
    ['Firefox', FIREFOX, false, /about:config/],
    ['Safari', SAFARI, false, /Safari 26/],
    ['any browser on an iPhone', IPHONE, false, /iOS or iPadOS 26/],
    ['an unknown browser', 'Lynx', false, /Chrome, Edge, Safari or Firefox/],
  ])('tells what to do in %s', (_, userAgent, hasApi, advice) => {
    expect(webgpuHelp({ userAgent, hasApi, secure: true }).steps.join(' ')).toMatch(advice);
  });

  it('asks for a secure page before anything else', () => {
    expect(webgpuHelp({ userAgent: CHROME, hasApi: false, secure: false }).steps.join(' ')).toMatch(/https/);
  });
});

describe('help after a failure', () => {
  it('offers a lower learning rate where the run diverged', () => {
    expect(failureHelp('diverged').slower).toBe(true);
    expect(failureHelp('device-lost').slower).toBe(false);
  });

  it('has a way on for a failure that nobody foresaw', () => {
    expect(failureHelp('TypeError').advice).toMatch(/Starting again/);
  });
});
