// What lasts as long as the tab. Storage may be full or forbidden; then it lasts as long as the page.

export function store(name, text) {
  try {
    sessionStorage.setItem(`sselistener.${name}`, text);
  } catch {
    // It is not stored.
  }
}

export function stored(name) {
  try {
    return sessionStorage.getItem(`sselistener.${name}`) ?? '';
  } catch {
    return '';
  }
}
