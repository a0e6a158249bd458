import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { useVirtualizer } from "../state/virtualizer.ts";

/** Who reads the newest goes on seeing it when there is less height: a keyboard that opens, a text that grows. */
export function useStayingAtEnd(
  scroller: ReturnType<typeof useVirtualizer>,
  scrollElement: RefObject<HTMLDivElement | null>,
): void {
  const wasAtEnd = useRef(true);
  useEffect(() => {
    const element = scrollElement.current!;
    const looked = () => {
      wasAtEnd.current = scroller.isAtEnd();
    };
    const observer = new ResizeObserver(() => {
      if (wasAtEnd.current) scroller.scrollToEnd();
    });
    observer.observe(element);
    element.addEventListener("scroll", looked, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", looked);
    };
  }, [scroller, scrollElement]);
}
