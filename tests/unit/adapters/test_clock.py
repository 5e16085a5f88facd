"""The clock forgets sleepers that were given up."""

from __future__ import annotations

import asyncio

from emulator.adapters.clock import MOST_ABANDONED, LiveClock


def test_sleepers_that_were_given_up_are_forgotten_and_the_others_wake() -> None:
    async def main() -> None:
        clock = LiveClock(frozen=True, start_at=1000.0)
        kept = [asyncio.create_task(clock.sleep_until(2000.0 + index)) for index in range(3)]
        for _ in range(5):
            given_up = [asyncio.create_task(clock.sleep_until(9000.0)) for _ in range(MOST_ABANDONED)]
            await asyncio.sleep(0)
            for task in given_up:
                task.cancel()
            await asyncio.gather(*given_up, return_exceptions=True)
        assert len(clock._sleepers) <= 2 * MOST_ABANDONED  # pyright: ignore[reportPrivateUsage]
        assert clock.next_sleeper() == 2000.0
        clock.jump(2001.0)
        await asyncio.gather(*kept[:2])
        assert not kept[2].done()
        clock.jump(2002.0)
        await kept[2]

    asyncio.run(main())
