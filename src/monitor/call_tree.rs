//! The call tree: components by the places they were called from, with their self times.

/// Distinct paths kept; further ones count for their component at the top. Bounds the memory of programs whose calls
/// overlap in ever new orders.
const MAX_NODES: usize = 4096;

/// A component as it was called from one place.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Index of the component.
    pub component: usize,
    /// Index of the calling node, `None` at the top.
    pub parent: Option<usize>,
    /// Finished calls.
    pub calls: u64,
    /// Sum of durations, ms.
    pub total: f64,
    /// Sum of durations less the time in which a timer started within was running, ms.
    pub own: f64,
}

/// All paths, parents before children. O(1) a call; finding a path is the facade's map lookup, made here once.
#[derive(Clone, Debug, Default)]
pub struct CallTree {
    nodes: Vec<Node>,
}

impl CallTree {
    /// The node of `component` below `parent`, made when it is new. A component that is already on the path is that
    /// node (a recursion is one node), and beyond 4,096 nodes the path is dropped. O(nodes).
    pub fn node(&mut self, parent: Option<usize>, component: usize) -> usize {
        let mut above = parent;
        while let Some(i) = above {
            if self.nodes[i].component == component {
                return i;
            }
            above = self.nodes[i].parent;
        }
        let find = |nodes: &[Node], parent| {
            nodes
                .iter()
                .position(|n| n.parent == parent && n.component == component)
        };
        if let Some(found) = find(&self.nodes, parent) {
            return found;
        }
        let parent = if self.nodes.len() < MAX_NODES {
            parent
        } else {
            None
        };
        find(&self.nodes, parent).unwrap_or_else(|| {
            self.nodes.push(Node {
                component,
                parent,
                calls: 0,
                total: 0.0,
                own: 0.0,
            });
            self.nodes.len() - 1
        })
    }

    /// Adds a finished call and returns its component; `None` when there is no such node.
    pub fn record(&mut self, node: usize, duration: f64, own: f64) -> Option<usize> {
        let node = self.nodes.get_mut(node)?;
        node.calls += 1;
        node.total += duration;
        node.own += own;
        Some(node.component)
    }

    /// Every node, parents before children.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Forgets the calls but keeps the nodes, so that indices handed out stay valid.
    pub fn reset(&mut self) {
        for node in &mut self.nodes {
            (node.calls, node.total, node.own) = (0, 0.0, 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recursion_is_one_node_and_equal_paths_are_one() {
        let mut tree = CallTree::default();
        let outer = tree.node(None, 0);
        let inner = tree.node(Some(outer), 1);
        assert_eq!(tree.node(Some(outer), 1), inner);
        assert_eq!(tree.node(Some(inner), 0), outer);
        assert_eq!(tree.node(Some(inner), 1), inner);
        assert_eq!(tree.nodes().len(), 2);
    }

    #[test]
    fn ever_new_paths_do_not_grow_without_bound() {
        let mut tree = CallTree::default();
        let mut parent = None;
        for component in 0..6000 {
            parent = Some(tree.node(parent, component % 5000));
        }
        // The first 4,096 paths, then at most one node per component.
        assert!(tree.nodes().len() <= 5000, "{}", tree.nodes().len());
    }
}
