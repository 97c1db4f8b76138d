//! Projects, and the counter of their quota (R-QUO).

use meshcustomers_core::{
    Change, CustomerId, Name, Position, Project, ProjectIdentifier, SortKey, StoreErrorKind, UniqueKey,
};

use super::order::paged;
use crate::Make;
use crate::dump::all;
use crate::stage::Stage;

fn added(project: &Project) -> Vec<Change> {
    vec![Change::ProjectAdded(project.clone())]
}

fn removed(project: &Project) -> Vec<Change> {
    vec![Change::ProjectRemoved(project.clone())]
}

/// Every field, by id and by identifier.
pub fn s_7_projects_come_back(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let project = Project {
        name: Name::parse("Ä \"quoted\" & 'other'").unwrap(),
        ..stage.new_project(acme, "a-project-with-thirty-signs-30")
    };
    stage.apply(&stage.set(acme, added(&project))).unwrap();
    assert_eq!(stage.read(|tx| tx.project(acme, project.id)), Some(project.clone()));
    assert_eq!(stage.read(|tx| tx.project_named(acme, &project.identifier)), Some(project.clone()));
    let other = ProjectIdentifier::parse("a-project-with-thirty-signs-3").unwrap();
    assert_eq!(stage.read(|tx| tx.project_named(acme, &other)), None);
    assert_eq!(stage.read(|tx| tx.project(acme, stage.id())), None);
}

/// One project per identifier and customer; a deleted one makes room, in the same set too.
pub fn s_6_project(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let other = stage.customer("other");
    let first = stage.project(acme, "site");
    let second = stage.new_project(acme, "site");
    let taken = StoreErrorKind::Unique(UniqueKey::Project);
    stage.refused(&stage.set(acme, added(&second)), &taken);
    let mut late = removed(&first);
    late.insert(0, Change::ProjectAdded(second.clone()));
    stage.refused(&stage.set(acme, late), &taken);
    stage.project(other, "site");
    stage.project(acme, "site-2");
    let mut swapped = removed(&first);
    swapped.extend(added(&second));
    stage.apply(&stage.set(acme, swapped)).unwrap();
    assert_eq!(stage.read(|tx| tx.project_named(acme, &second.identifier)), Some(second));
}

/// Found by customer and id.
pub fn s_5_project_removed(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let other = stage.customer("other");
    let project = stage.project(acme, "site");
    let unknown = Project { id: stage.id(), ..project.clone() };
    stage.refused(&stage.set(acme, removed(&unknown)), &StoreErrorKind::Conflict);
    stage.refused(&stage.set(other, removed(&project)), &StoreErrorKind::Conflict);
    stage.apply(&stage.set(acme, removed(&project))).unwrap();
    assert_eq!(stage.read(|tx| tx.project(acme, project.id)), None);
    stage.refused(&stage.set(acme, removed(&project)), &StoreErrorKind::Conflict);
}

/// Added, removed, several in one set, taken back: the quota's use follows, its limit stays.
pub fn s_12_projects_are_counted(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let other = stage.customer("other");
    let used = |customer: CustomerId| {
        let listed = stage.read(|tx| tx.projects(customer, &all())).len();
        let used = stage.row(customer).projects.used;
        assert_eq!(used as usize, listed);
        used
    };
    let limit = stage.row(acme).projects.limit;
    let projects: Vec<Project> =
        (0..5).map(|number| stage.new_project(acme, &format!("p-{number}"))).collect();
    stage.apply(&stage.set(acme, projects.iter().flat_map(added).collect())).unwrap();
    assert_eq!((used(acme), used(other)), (5, 0));
    stage.apply(&stage.set(acme, projects[..2].iter().flat_map(removed).collect())).unwrap();
    assert_eq!(used(acme), 3);
    let mut tx = stage.store.write().unwrap();
    let head = tx.customer(acme).unwrap().unwrap().head;
    tx.apply(&stage.set_on(acme, head, removed(&projects[2]), Vec::new(), |_| ())).unwrap();
    drop(tx);
    assert_eq!((used(acme), stage.row(acme).projects.limit), (3, limit));
}

/// By sort key of the name, then id.
pub fn s_9_projects(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let names = ["zeta", "Alpha", "alpha", "ALPHA", "Ünal", "unal", "10 bis", "9 bis", "漢字"];
    let mut expected: Vec<Project> = names
        .into_iter()
        .enumerate()
        .map(|(number, name)| Project {
            name: Name::parse(name).unwrap(),
            ..stage.new_project(acme, &format!("p-{number}"))
        })
        .collect();
    stage.apply(&stage.set(acme, expected.iter().flat_map(added).collect())).unwrap();
    let by_name = |project: &Project| Position {
        key: SortKey::Text(project.name.sort_key()),
        id: *project.id.as_bytes(),
    };
    expected.sort_by_key(by_name);
    paged(&stage, &expected, by_name, |tx, list| tx.projects(acme, list));
}

/// A project is not found under another customer, and a list shows its own.
pub fn s_10_projects(make: Make<'_>) {
    let stage = Stage::new(make);
    let [acme, other, empty] = ["acme", "other", "empty"].map(|name| stage.customer(name));
    let own = [stage.project(acme, "site"), stage.project(other, "site")];
    for (customer, project) in [acme, other].into_iter().zip(&own) {
        assert_eq!(stage.read(|tx| tx.projects(customer, &all())), std::slice::from_ref(project));
        assert_eq!(stage.read(|tx| tx.project_named(customer, &project.identifier)).as_ref(), Some(project));
    }
    assert_eq!(stage.read(|tx| tx.project(other, own[0].id)), None);
    assert_eq!(stage.read(|tx| tx.projects(empty, &all())), []);
    assert_eq!(stage.read(|tx| tx.project_named(empty, &own[0].identifier)), None);
    stage.apply(&stage.set(acme, removed(&own[0]))).unwrap();
    assert_eq!(stage.read(|tx| tx.projects(other, &all())), std::slice::from_ref(&own[1]));
    assert_eq!((stage.row(acme).projects.used, stage.row(other).projects.used), (0, 1));
}
