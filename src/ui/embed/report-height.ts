// Tells the page around an <iframe> how high its content is, whenever that changes: `{ type: 'grpo-playground-height', height }`, in
// CSS pixels. To any origin, as the page around it is not known and a height is no secret; that page should take the message only
// from the window of its own <iframe>. Nothing is listened to in return.
export function reportHeight(content: HTMLElement): () => void {
  const observer = new ResizeObserver(() => {
    const height = Math.ceil(content.getBoundingClientRect().height);
    parent.postMessage({ type: 'grpo-playground-height', height }, '*');
  });
  observer.observe(content);
  return () => {
    observer.disconnect();
  };
}
