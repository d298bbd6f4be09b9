import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from "react";

const AnnounceContext = createContext<(message: string) => void>(() => {});

/** A live region: what is announced is read by a screen reader, wherever the focus is. */
export function Announcer({ children }: { children: ReactNode }) {
  const [messages, setMessages] = useState<{ key: number; text: string }[]>([]);
  const next = useRef(0);
  const announce = useCallback((text: string) => {
    next.current += 1;
    const key = next.current;
    setMessages((before) => [...before.slice(-4), { key, text }]);
  }, []);
  return (
    <AnnounceContext value={announce}>
      {children}
      <div className="for-screen-readers" role="log" aria-live="polite" data-testid="announcements">
        {messages.map(({ key, text }) => (
          <p key={key}>{text}</p>
        ))}
      </div>
    </AnnounceContext>
  );
}

export function useAnnounce() {
  return useContext(AnnounceContext);
}
