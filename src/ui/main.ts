import { mount } from 'svelte';
import { WorkerSession } from '../worker/client.ts';
import App from './App.svelte';
import { findView } from './embed/views.ts';
import { Playground } from './state/playground.svelte.ts';
import './theme.css';

const query = new URLSearchParams(location.search);
if (query.has('bench')) {
  void import('./bench/Bench.svelte').then(({ default: Bench }) =>
    mount(Bench, { target: document.body, props: { small: query.has('small') } }),
  );
} else if (query.has('embed')) {
  const playground = new Playground(new WorkerSession());
  const view = findView(query.get('embed') ?? '');
  void playground.openEmbedded(location.search, view.section !== null);
  void import('./embed/Embed.svelte').then(({ default: Embed }) =>
    mount(Embed, { target: document.body, props: { playground, view } }),
  );
} else {
  const playground = new Playground(new WorkerSession());
  void playground.open(location.search);
  // In a task of its own: evaluating the scripts was one already.
  setTimeout(() => mount(App, { target: document.body, props: { playground } }));
  // Without it the page is as good, but for the next visit without a connection.
  if (import.meta.env.PROD) void playground.update.watch().catch(() => undefined);
}
