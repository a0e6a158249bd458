/** Grey shapes of what is being loaded, in place of a wheel that turns. */
export function Skeleton({ rows, label }: { rows: number; label: string }) {
  return (
    <div class="skeleton" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} class="skeleton-row">
          <span class="skeleton-dot" />
          <span class={`skeleton-lines width-${row % 4}`} />
        </div>
      ))}
    </div>
  );
}
