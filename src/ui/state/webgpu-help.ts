// What to do where WebGPU is missing, in the very browser that the visitor has.
export interface Surroundings {
  readonly userAgent: string;
  /** A page that is neither https nor localhost gets no WebGPU. */
  readonly secure: boolean;
  /** `navigator.gpu` exists, so only the adapter is missing. */
  readonly hasApi: boolean;
}

export interface Help {
  readonly cause: string;
  readonly steps: readonly string[];
}

export function webgpuHelp({ userAgent, secure, hasApi }: Surroundings): Help {
  if (!secure) {
    return {
      cause: 'This page was opened over plain http, and browsers offer WebGPU only to secure pages.',
      steps: ['Open it over https, or from http://localhost.'],
    };
  }
  const linux = /Linux/.test(userAgent) && !/Android/.test(userAgent);
  if (/iPhone|iPad|iPod/.test(userAgent)) {
    return {
      cause: 'Browsers on this device share the WebGPU of Safari, and this version has none.',
      steps: [
        'Update to iOS or iPadOS 26 or later, where WebGPU is on.',
        'On version 18: Settings, Apps, Safari, Advanced, Feature Flags, turn on WebGPU.',
      ],
    };
  }
  const edge = /Edg\//.test(userAgent);
  if (edge || /Chrome\//.test(userAgent)) {
    const name = edge ? 'Edge' : 'Chrome';
    const scheme = name.toLowerCase();
    if (!hasApi) {
      return {
        cause: `This ${name} has no WebGPU.`,
        steps: [`Update ${name} to version 121 or later.`],
      };
    }
    return {
      cause: `${name} has WebGPU, but found no graphics adapter to run it on.`,
      steps: [
        `Open ${scheme}://settings/system, turn on "Use graphics acceleration when available", and restart ${name}.`,
        ...(linux
          ? [
              `On Linux, open ${scheme}://flags/#enable-unsafe-webgpu and ${scheme}://flags/#enable-vulkan, enable both, and restart ${name}.`,
            ]
          : [`If it stays away, open ${scheme}://flags/#enable-unsafe-webgpu, enable it, and restart ${name}.`]),
        `${scheme}://gpu says what ${name} found; a newer graphics driver often helps.`,
      ],
    };
  }
  if (/Firefox\//.test(userAgent)) {
    return {
      cause: 'This Firefox offers no WebGPU.',
      steps: [
        'On Windows, Firefox 141 or later has it; on a Mac with Apple silicon and macOS 26, Firefox 145 or later.',
        'Elsewhere, open about:config, set dom.webgpu.enabled to true, and restart Firefox.',
        'Or open this page in Chrome or Edge.',
      ],
    };
  }
  if (/Safari\//.test(userAgent)) {
    return {
      cause: 'This Safari offers no WebGPU.',
      steps: [
        'Safari 26 or later has it.',
        'On Safari 18: Settings, Advanced, "Show features for web developers", then Feature Flags, turn on WebGPU.',
        'Or open this page in Chrome or Edge.',
      ],
    };
  }
  return {
    cause: 'This browser offers no WebGPU.',
    steps: ['Open this page in a current Chrome, Edge, Safari or Firefox.'],
  };
}
