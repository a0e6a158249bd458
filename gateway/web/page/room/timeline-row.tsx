import type { Member, Role } from "../../../../client/index.ts";
import { Avatar } from "../parts/avatar.tsx";
import { memo } from "../state/memo.ts";
import { dayName } from "../text/time.ts";

import { Message } from "./message-row.tsx";
import { NoticeLine } from "./notice-row.tsx";
import { Outgoing } from "./outgoing-row.tsx";
import { mayDeleteMessage } from "./rights.ts";
import type { Row } from "./rows.ts";

interface TimelineRowProps {
  row: Row;
  isTabStop: boolean;
  isActive: boolean;
  myRole: Role;
  members: readonly Member[];
  title: string;
  /** Whose picture the room has. */
  pictureId: string;
  isDirect: boolean;
  /** Renders anew what says "Today". */
  today: string;
}

/** Any row, with what stands above it. */
export const TimelineRow = memo(function TimelineRow(props: TimelineRowProps) {
  const { row } = props;
  if (row.kind === "start") return <Start {...props} />;
  if (row.kind === "outgoing") return <Outgoing message={row.message} isFirst={row.isFirst} />;
  const at = row.kind === "message" ? row.item.at : row.items[0]!.at;
  return (
    <>
      {row.startsDay && (
        <div class="day">
          <span>{dayName(at)}</span>
        </div>
      )}
      {row.startsUnread && (
        <div class="unread-mark">
          <span>New</span>
        </div>
      )}
      {row.kind === "notice" ? (
        <NoticeLine items={row.items} />
      ) : (
        <Message
          item={row.item}
          isFirst={row.isFirst}
          isTabStop={props.isTabStop}
          isActive={props.isActive}
          mayDelete={mayDeleteMessage(props.myRole, row.item, props.members)}
        />
      )}
    </>
  );
});

/** Above the first message. */
function Start({ title, pictureId, isDirect }: TimelineRowProps) {
  return (
    <div class="start">
      <Avatar id={pictureId} name={title} size="large" />
      <p class="start-title">{title}</p>
      <p class="muted">
        {isDirect
          ? `This is where you and ${title} talk. Nobody else sees it.`
          : "This is where the room begins. Everybody in it can read from here on."}
      </p>
    </div>
  );
}

/** Before a row is measured. */
export function estimateHeight(row: Row): number {
  if (row.kind === "start") return 180;
  if (row.kind === "notice") return row.startsDay ? 80 : 32;
  const text = row.kind === "message" ? row.item.text : row.message.text;
  const lines = text.split("\n").reduce((sum, line) => sum + Math.ceil((line.length + 1) / 90), 0);
  const above = row.kind === "message" ? (row.startsDay ? 48 : 0) + (row.startsUnread ? 32 : 0) : 0;
  const reactions = row.kind === "message" && row.item.reactions.length > 0 ? 34 : 0;
  return above + (row.isFirst ? 38 : 6) + lines * 22 + reactions;
}
