import { $ } from './page.js';
import { say } from './announcements.js';

// The banner that says that something is missing. It stays until it is dismissed.

export function startNotices() {
  $('gap-dismiss').addEventListener('click', () => {
    hideNotice();
    $('toggle').focus(); // what is hidden cannot keep the focus
  });
}

export function showNotice(text) {
  $('gap-text').textContent = text;
  $('gap').hidden = false;
  say(text);
}

export function hideNotice() {
  $('gap').hidden = true;
}
