const PATHS = {
  lock: "M6 10V7a6 6 0 0 1 12 0v3h1v11H5V10zm2 0h8V7a4 4 0 0 0-8 0z",
  search: "M10 3a7 7 0 0 1 5.6 11.2l5.1 5.1-1.4 1.4-5.1-5.1A7 7 0 1 1 10 3m0 2a5 5 0 1 0 0 10 5 5 0 0 0 0-10",
  speaker: "M4 9v6h4l5 5V4L8 9zm12-1.5v9a5 5 0 0 0 0-9M15 3v2a7 7 0 0 1 0 14v2a9 9 0 0 0 0-18",
  refresh: "M12 4a8 8 0 1 0 7.7 10h-2.1A6 6 0 1 1 12 6c1.7 0 3.2.7 4.2 1.8L13 11h7V4l-2.3 2.3A8 8 0 0 0 12 4",
  edit: "M3 17.2V21h3.8L17.8 10 14 6.2zM20.7 7a1 1 0 0 0 0-1.4l-2.3-2.3a1 1 0 0 0-1.4 0l-1.8 1.8L19 8.9z",
  remove: "M6 7v14h12V7zm3 2h2v9H9zm4 0h2v9h-2zM15.5 4l-1-1h-5l-1 1H5v2h14V4z",
  move: "M19 4h-1V2h-2v2H8V2H6v2H3v18h18V4zm0 16H5V9h14zM12 11l4 4-4 4v-3H8v-2h4z",
  calendar: "M19 4h-1V2h-2v2H8V2H6v2H3v18h18V4zm0 16H5V9h14z",
  up: "m12 8-6 6 1.4 1.4 4.6-4.6 4.6 4.6L18 14z",
  down: "m12 16 6-6-1.4-1.4-4.6 4.6-4.6-4.6L6 10z",
  previous: "M15.4 7.4 14 6l-6 6 6 6 1.4-1.4L10.8 12z",
  next: "M8.6 16.6 10 18l6-6-6-6-1.4 1.4 4.6 4.6z",
  file: "M6 2h8l6 6v14H4V2zm7 1.5V9h5.5z",
  bell: "M12 22a2 2 0 0 0 2-2h-4a2 2 0 0 0 2 2m6-6v-5a6 6 0 0 0-4.5-5.8V4a1.5 1.5 0 0 0-3 0v1.2A6 6 0 0 0 6 11v5l-2 2v1h16v-1z",
  close: "M19 6.4 17.6 5 12 10.6 6.4 5 5 6.4l5.6 5.6L5 17.6 6.4 19l5.6-5.6 5.6 5.6 1.4-1.4-5.6-5.6z",
  check: "M9 16.2 4.8 12l-1.4 1.4L9 19 21 7l-1.4-1.4z",
  help: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20m1 17h-2v-2h2zm2-7.7-.9.9c-.7.8-1.1 1.3-1.1 2.8h-2v-.5c0-1.1.4-2.1 1.1-2.8l1.3-1.3A2 2 0 1 0 10 9H8a4 4 0 1 1 7 2.3",
  "sent-unread": "M3 5h18v14H3zm2 2v1l7 4.5L19 8V7l-7 4.5z",
  "sent-read": "M3 5h18v8.1a6 6 0 0 0-8 5.9H3zm9 6.5L19 7H5zm5.6 10.1-3-3 1.2-1.2 1.8 1.8 3.6-3.6 1.2 1.2z",
  "received-unread":
    "M3 5h12a5 5 0 0 0 6 5.9V19H3zm9 7.5 3.3-2.1a6 6 0 0 1-1.2-1.5L12 10.3 5 6.5v1.6zM19 3a3 3 0 1 1 0 6 3 3 0 0 1 0-6",
  "received-read": "M12 2 2 8v13h20V8zm0 2.3L18.5 8 12 12 5.5 8zM4 19V9.8l8 5 8-5V19z",
} as const;

export type IconName = keyof typeof PATHS;

/** A picture for the eye. With `label` it says something; without, what stands beside it does. */
export function Icon({ name, label }: { name: IconName; label?: string }) {
  const path = <path d={PATHS[name]} fillRule="evenodd" />;
  if (label === undefined)
    return (
      <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        {path}
      </svg>
    );
  return (
    <svg className="icon" viewBox="0 0 24 24" role="img" aria-label={label} focusable="false">
      <title>{label}</title>
      {path}
    </svg>
  );
}
