/*
 * `arbiter_down peers` as a model for spin: three nodes, one arbiter, promises between the nodes, all orders of events.
 *
 *   make model            with Tests/Model/lease.pml: what must hold holds, and each planted bug is found
 *
 * What is in lease.pml and does not matter here is left out: the arbiter forgets nothing, nobody gives back, an answer is a later
 * read. What is here:
 * - a write is carried out at any time after it was sent, or never; each node sees what stands at any time, or never (so any node is cut
 *   off from the arbiter for as long as it likes, and each alone);
 * - questions and promises are late without limit, or lost;
 * - a process crashes at any moment and comes back with no memory; what the kernel serves for it goes on until its deadline;
 * - who is a member is the holder's choice at each renewal: anybody it may have heard.
 *
 * Time is true time in ticks; a holder's span is L and a taker's wait L (drift is lease.pml's). A record is its number.
 *
 * What must hold: two nodes never serve at once.
 *
 * It begins with node 0 as holder, and 0 and 1 as members. Bounds: WRITES writes in all, CRASHES, ASKS questions to each node; terms are
 * the same for all. With ONLY_JOINS a renewal makes all members, and nothing else.
 */
#ifndef WRITES
#define WRITES 4
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef ASKS
#define ASKS 2
#endif
#define L 2
#define N 3
#define NOBODY 3

/* Record 0: free, with no members. */
typedef Record {
    byte holder;
    byte life;
    byte epoch;
    byte version;
    byte replaces;
    byte members;      /* a bit for each node; 0: anybody */
    byte credit;       /* what it is worth to its writer: L when it was sent, less what has passed */
    bit flies;
    bit known          /* its writer remembers it, and it is not settled */
};

typedef Node {
    byte serves;       /* the kernel; it outlives a crash */
    bit holds;
    byte life;
    byte sight;
    bit hasSight;
    byte wait;         /* until what it sees has stood long enough */
    byte barred;       /* until what it promised, or may have promised, is over */
    byte heldEpoch;
    byte got[N]        /* what the others' promises are worth */
};

/* What is on the way about the promise of one node: nothing, the question, the answer. */
typedef Letter { byte state; byte to; byte life; byte credit; byte asks };
#define NOTHING 0
#define QUESTION 1
#define ANSWER 2

/* Up to four writes: the last step names each. */
Record record[5];
Node node[N];
Letter letter[N];
byte top;
byte stands;
byte lives;
byte crashes;
#define me node[n]
#define SEEN record[me.sight]
#define MINE (me.hasSight && me.sight != 0 && SEEN.holder == n && SEEN.life == me.life)

/* What is not looked at any more is nothing: fewer states. */
inline drop(i) { letter[i].state = NOTHING; letter[i].to = 0; letter[i].life = 0; letter[i].credit = 0 }
inline settled(r) { record[r].known = 0; record[r].credit = 0 }

inline check() {
    assert((node[0].serves > 0) + (node[1].serves > 0) + (node[2].serves > 0) <= 1)
}

inline look() {
    if
    :: record[stands].version >= SEEN.version || !me.hasSight ->
        if
        :: !me.hasSight || me.sight != stands -> me.sight = stands; me.hasSight = 1; me.wait = (stands == 0 -> 0 : L)
        :: else
        fi;
        if
        :: MINE && SEEN.known && SEEN.credit > 0 && (me.holds || SEEN.epoch > me.heldEpoch) ->
            me.heldEpoch = SEEN.epoch;
            me.holds = 1;
            me.serves = (SEEN.credit > me.serves -> SEEN.credit : me.serves);
            check()
        :: MINE && !(SEEN.known && SEEN.credit > 0 && (me.holds || SEEN.epoch > me.heldEpoch))
        :: !MINE -> me.holds = 0; me.serves = 0
        fi;
        /* What compares with a version that is past never stands. */
        w = 1;
        do
        :: w <= top ->
            if
            :: record[w].holder == n && record[w].version <= SEEN.version -> settled(w)
            :: else
            fi;
            w++
        :: else -> break
        od;
        w = 0
    :: else
    fi
}

inline write(who) {
    top++;
    record[top].holder = n;
    record[top].life = me.life;
    record[top].replaces = me.sight;
    record[top].version = SEEN.version + 1;
    record[top].epoch = SEEN.epoch + (me.holds -> 0 : 1);
    record[top].members = who;
    record[top].credit = L;
    record[top].flies = 1;
    record[top].known = 1
}

/* Whom the holder must have promises of: a bit for each; 0: it may not go on. */
inline need() {
    m = 0;
    if
    :: MINE && SEEN.members != 0 ->
        m = SEEN.members;
#ifndef BUG_FORGETS_WRITES
        w = 1;
        do
        :: w <= top ->
            if
            :: record[w].known && record[w].holder == n && record[w].life == me.life ->
                m = (m == 0 || record[w].members == 0 -> 0 : m | record[w].members)
            :: else
            fi;
            w++
        :: else -> break
        od;
        w = 0;
#endif
        m = m & (255 - (1 << n))
    :: else
    fi
}

#define PROMISED(i) (!((m >> i) & 1) || me.got[i] > 0)

inline least(i) {
    if
    :: ((m >> i) & 1) && me.got[i] < a -> a = me.got[i]
    :: else
    fi
}

inline goOn() {
    need();
    if
    :: m != 0 && PROMISED(0) && PROMISED(1) && PROMISED(2) ->
        a = 255;
        least(0); least(1); least(2);
        if
        :: a > me.serves -> me.serves = a; check()
        :: else
        fi;
        a = 0
    :: else
    fi;
    m = 0
}

inline count(timer) { timer = (timer > 0 -> timer - 1 : 0) }

inline tick() {
    n = 0;
    do
    :: n < N ->
        count(me.serves); count(me.wait); count(me.barred);
        if
        :: me.serves == 0 || !me.holds -> me.holds = 0; me.got[0] = 0; me.got[1] = 0; me.got[2] = 0
        :: else -> count(me.got[0]); count(me.got[1]); count(me.got[2])
        fi;
        count(letter[n].credit);
        n++
    :: else -> break
    od;
    n = 0;
    w = 1;
    do
    :: w <= top -> count(record[w].credit); w++
    :: else -> break
    od;
    w = 0
}

/* A taking that it sent and that may be under way. */
inline mayTake() {
    a = 0;
    w = 1;
    do
    :: w <= top -> a = (record[w].known && record[w].holder == n && record[w].life == me.life -> 1 : a); w++
    :: else -> break
    od;
    w = 0
}

inline crash() {
    crashes++;
    lives++;
    w = 1;
    do
    :: w <= top ->
        if
        :: record[w].holder == n -> settled(w)
        :: else
        fi;
        w++
    :: else -> break
    od;
    w = 0;
    me.holds = 0;
    me.life = lives;
    me.sight = 0;
    me.hasSight = 0;
    me.wait = 0;
    me.heldEpoch = 0;
    me.got[0] = 0; me.got[1] = 0; me.got[2] = 0;
    me.barred = L
}

#ifdef BUG_JOINER
#define ALLOWED(i) true
#else
#define ALLOWED(i) (record[node[i].sight].members == 0 || ((record[node[i].sight].members >> i) & 1))
#endif
#define TAKES(i) (top < WRITES && node[i].hasSight && !node[i].holds && node[i].wait == 0 && node[i].barred == 0 && ALLOWED(i))
/* A holder writes again after it has looked: two of its writes may be under way. */
#define RENEWS(i) (top < WRITES && node[i].holds && node[i].serves > 0 && record[node[i].sight].holder == i \
    && record[node[i].sight].life == node[i].life)

active proctype world() {
    byte n, w, m, a;
    record[0].holder = NOBODY;
    /* Lives 0, 1 and 2 of the nodes 0, 1 and 2. */
    node[0].life = 0; node[1].life = 1; node[2].life = 2; lives = 2;
    n = 0;
    write(3);
    record[1].flies = 0;
    settled(1);
    stands = 1;
    node[0].sight = 1; node[0].hasSight = 1; node[0].wait = L; node[0].holds = 1; node[0].serves = L; node[0].heldEpoch = 1;
    do
    :: atomic { tick() }
    :: atomic {
        if
        :: n = 0
        :: n = 1
        :: n = 2
        fi;
        if
        :: stands != me.sight || !me.hasSight || record[stands].known -> look()
        :: TAKES(n) ->
            mayTake();
            if
            :: !a -> write(SEEN.members)
            :: else
            fi;
            a = 0
        :: RENEWS(n) ->
#ifdef ONLY_JOINS
            write(7)
#else
            if
            :: write(0)
            :: write((1 << n) | (1 << ((n + 1) % N)))
            :: write(7)
            fi
#endif
        /* It asks another for a promise. */
        :: me.holds && me.serves > 0 ->
            if
            :: m = (n + 1) % N
            :: m = (n + 2) % N
            fi;
            if
            :: letter[m].asks < ASKS ->
                letter[m].state = QUESTION; letter[m].to = n; letter[m].life = me.life; letter[m].credit = L;
                letter[m].asks++
            :: else
            fi;
            m = 0
        /* It is asked. */
        :: letter[n].state == QUESTION ->
            mayTake();
            if
            :: !me.holds && !a ->
#ifndef BUG_FORGETS_PROMISE
                me.barred = L;
#endif
                letter[n].state = ANSWER
            :: else -> drop(n)
            fi;
            a = 0
        /* Its promise arrives. */
        :: letter[n].state == ANSWER ->
            m = n;
            n = letter[m].to;
            if
            :: me.life == letter[m].life && me.holds && me.serves > 0 ->
#ifdef BUG_RECEIPT
                me.got[m] = L;
#else
                me.got[m] = (letter[m].credit > me.got[m] -> letter[m].credit : me.got[m]);
#endif
                drop(m);
                m = 0;
                goOn()
            :: else -> drop(m); m = 0
            fi
        :: crashes < CRASHES -> crash()
        :: else
        fi;
        n = 0; m = 0; a = 0
    }
    /* A write arrives, or is lost for good. */
    :: atomic {
        if
        :: top >= 2 && record[2].flies -> w = 2
        :: top >= 3 && record[3].flies -> w = 3
        :: top >= 4 && record[4].flies -> w = 4
        fi;
        record[w].flies = 0;
        if
        :: stands == record[w].replaces -> stands = w
        :: true
        fi;
        record[w].replaces = 0;
        w = 0
    }
    od
}
