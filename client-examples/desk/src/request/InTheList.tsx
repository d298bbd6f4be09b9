import { DeskInbox } from "@espace-citoyens/kit/operations.ts";
import { useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { filterOf } from "../inbox/filter.ts";
import { type List, toList, toRequest, useList } from "../inbox/place.ts";
import { useWords } from "../wording.ts";

/** From a request back to the list that it was opened from, as it was, and to its neighbours in it. */
export function InTheList({ id }: { id: string }) {
  const words = useWords();
  const list = useList();
  return (
    <nav className="in-the-list" aria-label={words.inbox.title}>
      {list === null ? <Link href="/">{words.request.back}</Link> : <Neighbours list={list} id={id} />}
    </nav>
  );
}

function Neighbours({ list, id }: { list: List; id: string }) {
  const words = useWords();
  const ids = list.listed.flat();
  const at = ids.indexOf(id);
  const previous = ids[at - 1];
  const longer = useLonger(list, at === ids.length - 1);
  const next = longer.listed.flat()[at + 1];
  return (
    <>
      <Link {...toList(list, id)}>{words.request.back}</Link>
      {previous !== undefined && <Link {...toRequest(list, previous)}>{words.request.previous}</Link>}
      {next !== undefined && <Link {...toRequest(longer, next)}>{words.request.next}</Link>}
    </>
  );
}

/** The list with its next page, once that is wanted. What has moved down the list since is in it already. */
function useLonger(list: List, wanted: boolean): List {
  const [after, setAfter] = useState(list.after);
  const [{ data }] = useQuery({
    query: DeskInbox,
    variables: { filter: filterOf(new URLSearchParams(list.search)), after, unreadFirst: true },
    requestPolicy: "network-only",
    pause: !wanted || after === null,
  });
  const page = data?.desk?.requests;
  if (page === undefined) return list;
  const before = list.listed.flat();
  const found = page.nodes.map((node) => node.id).filter((id) => !before.includes(id));
  const following = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  if (found.length === 0 && following !== null && following !== after) setAfter(following);
  return found.length === 0 ? list : { ...list, listed: [...list.listed, found], after: following };
}
