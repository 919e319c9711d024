extension RandomAccessCollection {
    /// The first index whose element `belongs` behind, in a collection that has all those that do not before all that do; the end
    /// where there is none. By halves.
    @inlinable public func partitioningIndex(where belongs: (Element) -> Bool) -> Index {
        var low = startIndex
        var count = count
        while count > 0 {
            let half = count / 2
            let middle = index(low, offsetBy: half)
            if belongs(self[middle]) {
                count = half
            } else {
                low = index(after: middle)
                count -= half + 1
            }
        }
        return low
    }
}
