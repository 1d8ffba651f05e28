// What a page does beyond what it does without script: it follows changes, counts
// down, and keeps what was typed. Texts come from the page.
'use strict';
(() => {
  const body = document.body, all = (q, from = document) => [...from.querySelectorAll(q)];
  const lang = document.documentElement.lang;
  const ahead = Number(body.dataset.now) - Date.now(); // the server's clock
  const now = () => Date.now() + ahead;
  const clock = new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const say = text => { if (text) document.getElementById('announce').textContent = text; };

  // enhance makes a part of the page do what needs script.
  function enhance(part) {
    for (const t of all('time[data-clock]', part)) {
      const at = new Date(t.dateTime), days = Math.round((at - now()) / 864e5);
      if (Math.abs(days) < 1) t.textContent = clock.format(at) + ' ' + body.dataset.yours;
    }
    for (const q of all('[data-stepper]', part)) stepper(q);
    for (const e of all('[data-script]', part)) e.hidden = false;
  }

  function stepper(box) {
    const input = box.querySelector('input');
    if (!input || box.dataset.ready) return;
    box.dataset.ready = 1;
    const button = (text, label, step) => {
      const b = document.createElement('button');
      b.type = 'button'; b.textContent = text; b.setAttribute('aria-label', label);
      b.onclick = () => {
        const n = Math.max(0, (parseInt(input.value, 10) || 0) + step);
        input.value = n || '';
        input.dispatchEvent(new Event('input', { bubbles: true }));
        say(input.value || '0');
      };
      return b;
    };
    input.before(button('−', input.dataset.less, -1));
    input.after(button('+', input.dataset.more, 1));
  }

  // What was chosen and not placed survives a reload: the server keeps it.
  for (const form of all('form[data-keep]')) {
    let later = 0;
    const keep = () => {
      clearTimeout(later);
      later = 0;
      const kept = String(form.dataset.changes);
      fetch(form.dataset.keep, { method: 'POST', body: new URLSearchParams(new FormData(form)), keepalive: true })
        .then(() => { form.dataset.kept = kept; }, () => {});
    };
    form.addEventListener('input', e => {
      if (e.isComposing) return;
      form.dataset.changes = Number(form.dataset.changes || 0) + 1;
      clearTimeout(later);
      later = setTimeout(keep, 300);
    });
    form.addEventListener('submit', () => clearTimeout(later));
    addEventListener('pagehide', () => { if (later && !form.dataset.sent) keep(); });
  }

  // A form goes out once; the server knows a second one by its id as well.
  document.addEventListener('submit', e => {
    const form = e.target;
    if (form.method !== 'post') return;
    if (form.dataset.sent) { e.preventDefault(); return; }
    form.dataset.sent = 1;
    form.setAttribute('aria-busy', 'true');
  });

  document.addEventListener('click', e => {
    const copy = e.target.closest('[data-copy]');
    if (copy) navigator.clipboard.writeText(copy.dataset.copy).then(() => { copy.textContent = body.dataset.copied; say(body.dataset.copied); }, () => {});
  });

  // A countdown is not read out each second: it is at 5 minutes, 1 minute and the end.
  const spoken = {};
  setInterval(() => {
    for (const timer of all('[role=timer][data-until]')) {
      const left = Math.ceil((Number(timer.dataset.until) - now()) / 1000);
      const text = left > 3600 ? null : Math.max(0, Math.floor(left / 60)) + ':' + String(Math.max(0, left % 60)).padStart(2, '0');
      if (text !== null && timer.textContent !== text) timer.textContent = text;
      timer.classList.toggle('hurry', left <= 60);
      for (const [at, key] of [[300, 'five'], [60, 'one'], [0, 'over']]) {
        const id = timer.dataset.until + key;
        if (left === at && !spoken[id]) { spoken[id] = 1; say(timer.dataset[key]); if (!at) refresh(); }
      }
    }
  }, 1000);

  // refresh asks for the page as it is now, and puts in what has changed.
  const was = new Map(all('[data-live][id]').map(e => [e.id, e.innerHTML]));
  let asking = false, again = false, fresh = Date.now();
  async function refresh() {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.pathname + location.search, { headers: { Accept: 'text/html' }, cache: 'no-store' });
      if (!answer.ok || answer.redirected) { if (answer.redirected) location.reload(); return; }
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      fresh = Date.now();
      document.title = page.title;
      if (page.body.dataset.offer) body.dataset.offer = page.body.dataset.offer;
      for (const part of all('[data-live][id]', page)) put(part.id, part.innerHTML);
      const words = page.body.dataset.say;
      if (words && words !== body.dataset.say) { body.dataset.say = words; say(words); }
    } catch { /* the next change tries again */ } finally {
      asking = false;
      if (again) { again = false; setTimeout(refresh, 300); }
    }
  }

  // put replaces a part, and keeps what was typed there and where the focus is.
  function put(id, html) {
    const old = document.getElementById(id);
    if (!old || was.get(id) === html) return;
    const bare = s => s.replace(/(name="form" value|data-line)="[^"]*"/g, ''), same = (a, b) => bare(a) === bare(b);
    const before = was.get(id);
    was.set(id, html);
    if (before !== undefined && same(before, html)) return;
    const typed = all('input:not([type=hidden]),textarea,select', old).filter(f => f.value !== f.defaultValue || f.checked !== f.defaultChecked);
    const open = all('details[open][id]', old).map(d => d.id);
    const focus = old.contains(document.activeElement) ? document.activeElement : null;
    old.innerHTML = html;
    for (const f of typed) {
      const field = f.id && document.getElementById(f.id);
      if (field && old.contains(field)) { field.value = f.value; if ('checked' in f) field.checked = f.checked; }
    }
    for (const d of open) document.getElementById(d)?.setAttribute('open', '');
    enhance(old);
    old.classList.remove('changed'); void old.offsetWidth; old.classList.add('changed');
    if (focus) (focus.id && document.getElementById(focus.id) || old.querySelector('h1,h2') || old).focus?.();
  }

  // A slider shows each moment as it passes it, under that moment's address.
  for (const form of all('form[data-slide]')) form.addEventListener('input', () => {
    history.replaceState(null, '', form.action + '?' + new URLSearchParams(new FormData(form)));
    refresh();
  });

  // An old page shows the state of now: from the browser's memory, or left open.
  addEventListener('pageshow', e => {
    for (const f of all('form')) { delete f.dataset.sent; f.removeAttribute('aria-busy'); }
    if (e.persisted) refresh();
  });
  document.addEventListener('visibilitychange', () => { if (!document.hidden && Date.now() - fresh > 6e4) refresh(); });

  // One stream for all tabs: who holds the lock opens it and passes on what comes.
  const watch = body.dataset.watch;
  if (watch) follow(watch.split(' '));
  function follow(mine) {
    const note = document.getElementById('live');
    const got = m => {
      if (m.lost) { note.textContent = body.dataset.lost.replace('{time}', clock.format(new Date(m.lost))); note.hidden = false; }
      if (m.open && !note.hidden) { note.hidden = true; refresh(); }
      if (!mine.includes(m.subject)) return;
      if (m.texts) {
        const { offer, line, ...texts } = m.texts;
        if (line !== undefined) moved(line);
        for (const [id, html] of Object.entries(texts)) put(id, html);
        if (offer !== undefined && offer !== (body.dataset.offer ?? offer)) refresh();
      }
      else if (m.revision !== seen[m.subject]) { seen[m.subject] = m.revision; refresh(); }
    };
    // Who is in line may have moved up when a line is shorter than it was. So may many at
    // once, who ask a few seconds apart, and once for all that happens until then.
    let soon = 0;
    const moved = line => {
      const place = document.querySelector('[data-line]');
      if (!place) return;
      const was = place.dataset.line.split(' '), shorter = line.split(' ').some((n, i) => +n < +was[i]);
      place.dataset.line = line;
      if ((shorter || 'joining' in place.dataset) && !soon) soon = setTimeout(() => { soon = 0; refresh(); }, 500 + Math.random() * 4500);
    };
    const seen = {};
    const channel = 'BroadcastChannel' in window ? new BroadcastChannel('plenary') : null;
    const wanted = new Map([['', mine]]);
    // The stream of an order is at its own address, where its cookie goes; what else
    // is followed comes by the first one.
    const addresses = () => {
      const subjects = [...new Set([...wanted.values()].flat())].sort();
      const orders = subjects.filter(s => s.startsWith('order:')), others = subjects.filter(s => !orders.includes(s));
      const to = (path, what) => path + 'live?' + what.map(s => 'watch=' + encodeURIComponent(s)).join('&');
      return orders.length ? orders.map((o, i) => to('/orders/' + o.slice(6) + '/', i ? [o] : [o, ...others])) : [to('/', others)];
    };
    const sources = new Map();
    let lost = 0;
    const tell = m => { got(m); channel?.postMessage(m); };
    const lead = () => {
      const to = addresses();
      for (const [url, s] of sources) if (!to.includes(url)) { s.close(); sources.delete(url); }
      for (const url of to) if (!sources.has(url)) {
        const s = new EventSource(url);
        sources.set(url, s);
        s.onopen = () => { lost = 0; tell({ open: true }); };
        s.onerror = () => {
          if (!lost) { const at = lost = Date.now(); setTimeout(() => { if (lost === at) tell({ lost: at }); }, 4000); }
          if (s.readyState === EventSource.CLOSED) { sources.delete(url); setTimeout(lead, 5000 + Math.random() * 5000); }
        };
        s.addEventListener('change', e => tell(JSON.parse(e.data)));
      }
    };
    const me = Math.random().toString(36).slice(2);
    const begin = () => {
      lead();
      if (channel) { channel.postMessage({ ask: true }); setInterval(() => { for (const k of wanted.keys()) if (k) wanted.delete(k); channel.postMessage({ ask: true }); setTimeout(lead, 2000); }, 6e4); }
      return new Promise(() => {});
    };
    let leading = false;
    if (channel) {
      channel.onmessage = e => {
        const m = e.data;
        if (m.ask) channel.postMessage({ tab: me, want: mine });
        else if (m.want) { if (leading) { wanted.set(m.tab, m.want); lead(); } }
        else got(m);
      };
      channel.postMessage({ tab: me, want: mine });
    }
    if (channel && navigator.locks) navigator.locks.request('plenary-live', () => { leading = true; return begin(); });
    else { leading = true; begin(); }
  }

  enhance(document);
  document.querySelector('[data-focus]')?.focus();
})();
