// Events may come by thousands a second: what they change is drawn at most once a frame.

const renderers = [];
let isRequested = false;

export const onFrame = render => renderers.push(render);

export function requestFrame() {
  if (isRequested) return;
  isRequested = true;
  requestAnimationFrame(() => {
    isRequested = false;
    for (const render of renderers) render();
  });
}
