// Hands a zip to the visitor.

/** As `name`.zip. */
export function downloadZip(name: string, zip: Uint8Array): void {
  const link = document.createElement('a');
  link.download = `${name}.zip`;
  link.href = URL.createObjectURL(new Blob([zip as Uint8Array<ArrayBuffer>], { type: 'application/zip' }));
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 60_000); // the browser may still be reading it
}
